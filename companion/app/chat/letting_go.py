"""What lies on this device of a message's attachments, and what becomes of it when the message goes."""

from companion.attachments import IN_WORK, Attachment, InWork
from companion.chat.message import Message
from companion.chat.sharing import SharedFile
from companion.ports import Change, Put


def local_of(file: SharedFile) -> Attachment | None:
    """Return the attachment as it lies on this device, or None if it is not here yet."""
    local = file.get("local")
    return Attachment.from_doc(local) if isinstance(local, dict) else None


def let_go(message: Message | None, owner: str = "") -> Change:
    """Return what belongs into the commit that takes a message's attachments away: their blobs go at the next sweep.

    With an `owner`, a composer's group, they wait for another place until the app is opened anew.
    """
    files = message.attachments if message is not None else ()
    here = [local for local in map(local_of, files) if local is not None]
    return Change(put=tuple(Put(IN_WORK, InWork(attachment=one, owner=owner).to_doc()) for one in here))
