"""What is shown while the app is not open: first start, unlocking, hiding, damage, erasing.

Owns the screens before the keys and around their end. Must not know the places behind them.
"""
