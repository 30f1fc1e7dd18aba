"""What one group of the relay should be, whatever was done to it: the model that the stores are compared with."""

import hashlib

from companion.wire import format_notice

NO_LIMIT = 10**9


class Log:
    """What one group should be."""

    def __init__(self, capability, keeper=None):
        self.capability = capability
        self.keeper = keeper
        self.most = NO_LIMIT
        self.names = []
        self.erased = set()
        self.former = {}
        self.events = []
        self.said = []
        self.authors = []
        self.epoch = 0
        self.winners = {}

    def head(self, capability):
        """Return up to where this capability reads, or None if it opens nothing."""
        return len(self.events) if capability == self.capability else self.former.get(capability)

    def append(self, capability, cid, body, epoch, following=None, sender=None, used=None, is_gone=False, **kept):
        """Return (seq, is new) or the code of a refusal. `used` counts what senders put into logs with a limit."""
        head = self.head(capability)
        if head is None:
            return "unknown"
        for seq, known in enumerate(self.events[:head], 1):
            if known[0] == cid:
                if known[1] == b"" and self.names[seq - 1] in self.erased:
                    return "erased"
                return (seq, False) if known[1] in (body, b"") else "other-bytes"  # emptied: nothing to compare
        if epoch is not None and epoch != self.epoch:
            winner = self.winners.get(epoch)
            return ("epoch", self.epoch, head, winner if winner is not None and winner <= head else None)
        if capability != self.capability:
            return "rotated"
        refused = self.refuses(epoch, following, **kept) or ("no-session" if is_gone else None)
        if refused is None and self.keeper is not None and self.most < NO_LIMIT:
            refused = "slow-down" if used[sender] >= self.most else None
            used[sender] += refused is None
        if refused is not None:
            return refused
        self.put(cid, body, sender, kept.get("erase"))
        self.keeper = kept.get("next_keeper") or self.keeper
        if epoch is not None:
            self.winners[epoch] = len(self.events)
            self.epoch += 1
        if following not in (None, self.capability):
            self.former[self.capability] = len(self.events)
            self.former.pop(following, None)
            self.capability = following
        return len(self.events), True

    def refuses(self, epoch, following, keeper=None, next_keeper=None, erase=None):
        if self.keeper is None and (keeper or next_keeper):
            return "bad-request"
        if self.keeper is not None and (epoch is not None or keeper) and keeper != self.keeper:
            return "keeper"
        if self.keeper is not None and epoch is not None and None in (following, next_keeper):
            return "bad-request"
        return "erased" if erase in self.erased else None

    def put(self, cid, body, sender, erase):
        self.events.append((cid, body))
        self.said.append((cid, body))
        self.authors.append(None if self.keeper is not None else sender)
        self.names.append(erase)

    def empty(self, is_meant):
        """The numbers stay."""
        for place, (cid, _) in enumerate(self.events):
            if is_meant(place):
                self.events[place] = (cid, b"")

    def shows(self, capability, keeper):
        """Return why this is not allowed to do what a log's keeper may."""
        if capability != self.capability or self.keeper is None:
            return "unknown"
        return None if keeper == self.keeper else "keeper"

    def erase(self, secret, capability):
        name = hashlib.sha256(secret).digest()
        if name in self.erased:
            return None
        if name not in self.names and capability != self.capability:
            return "unknown"
        self.erased.add(name)
        self.empty(lambda place: self.names[place] == name)
        body = format_notice(secret)
        self.put(hashlib.sha256(body).digest()[:16], body, None, None)
        return None

    def is_notice(self, place):
        return self.events[place][1][:4] == b"CMPN"
