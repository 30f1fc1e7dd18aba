"""The building blocks of every screen. Each says its name to screen readers; screens pass the words in."""
