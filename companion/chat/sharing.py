"""Pictures and voice notes in a message: what the group is told of each, so that its sealed bytes can be opened."""

from collections.abc import Mapping

from companion.attachments import CAPTION_LIMIT, SOUND_TYPE, Attachment
from companion.chat.parsing import Content, as_id, read_line, read_number, read_text
from companion.errors import MessageRejected
from companion.fields import as_object, refused, whole
from companion.strings import kept, mended

FILE_LIMIT_BYTES = 64 << 20
SIDE_LIMIT = 20_000
"""Pixels of a picture's longer side."""
RATE_LIMIT_HZ = 192_000
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")

SharedFile = Mapping[str, object]
"""As kept in a message: `blob` is its id at the service, `key` 64 hex characters; `local` its own blob here, if any."""

_KEPT = ("blob", "key", "kind", "media_type", "size_bytes", "width", "height", "sample_rate_hz", "channels", "caption")


def shared_file_content(one: SharedFile) -> dict[str, object]:
    return {field: one[field] for field in _KEPT}


@refused("an attachment")
def kept_file(value: object) -> dict[str, object]:
    """Return an attachment as a device of mine kept it in a message. Raises ValueError, UsageError if it is none."""
    file = as_object(mended(value))
    words = {name: kept(file[name]) for name in ("blob", "key", "kind", "media_type", "caption")}
    numbers = {name: whole(file[name]) for name in ("size_bytes", "width", "height", "sample_rate_hz", "channels")}
    local = file.get("local")
    here = {"local": Attachment.from_doc(local).to_doc()} if isinstance(local, dict) else {}
    return {**file, **words, **numbers, **here}


def read_shared_file(value: object) -> dict[str, object]:
    """Return one attachment of a message. Raises MessageRejected."""
    if not isinstance(value, dict):
        raise MessageRejected("attachment: not an object")
    content: Content = value
    kind = content.get("kind")
    is_sound = kind == "sound"
    if not is_sound and kind != "picture":
        raise MessageRejected("attachment: neither picture nor sound")
    media_type = content.get("media_type")
    if media_type not in ((SOUND_TYPE,) if is_sound else PICTURE_TYPES):
        raise MessageRejected("attachment: a type that is not shown")
    key = read_text(content, "key", 64)
    if len(key) != 64 or not set(key) <= set("0123456789abcdef"):
        raise MessageRejected("attachment: key")
    return {
        "blob": as_id(content.get("blob"), "blob"),
        "key": key,
        "kind": kind,
        "media_type": media_type,
        "size_bytes": read_number(content, "size_bytes", least=1, most=FILE_LIMIT_BYTES),
        "width": read_number(content, "width", least=0 if is_sound else 1, most=0 if is_sound else SIDE_LIMIT),
        "height": read_number(content, "height", least=0 if is_sound else 1, most=0 if is_sound else SIDE_LIMIT),
        "sample_rate_hz": read_number(
            content, "sample_rate_hz", least=8_000 if is_sound else 0, most=RATE_LIMIT_HZ if is_sound else 0
        ),
        "channels": read_number(content, "channels", least=1 if is_sound else 0, most=2 if is_sound else 0),
        "caption": read_line(content, "caption", CAPTION_LIMIT, may_be_empty=True),
    }
