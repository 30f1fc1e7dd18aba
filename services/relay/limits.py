"""Units of time, and what one device may do in one of them."""

from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What one device may do in a minute, an hour or a day, and how much one group may keep.

    `posted` and `claimed` count what strangers send to one device and take of its key packages. What newcomers leave is
    counted for all of them together. `erased_per_day` counts what a device has remembered as erased that nothing names.
    """

    events_per_minute: int = 1_200
    event_bytes_per_day: int = 512 * 1024 * 1024
    groups_per_day: int = 500
    invites_per_day: int = 500
    newcomer_bytes_per_day: int = 2 * 1024 * 1024 * 1024
    posts_per_hour: int = 1_200
    posted_per_hour: int = 1_200
    packages_per_day: int = 1_000
    claims_per_hour: int = 300
    claimed_per_hour: int = 120
    erased_per_day: int = 1_000
    group_bytes: int = 4 * 1024 * 1024 * 1024
    blob_bytes_per_day: int = 2 * 1024 * 1024 * 1024
    blob_bytes_kept: int = 20 * 1024 * 1024 * 1024
