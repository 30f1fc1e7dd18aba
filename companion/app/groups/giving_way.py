"""Two pairs with one person, because both asked: the one that stands, and the other, which goes silently.

Callers hold the turn of `KeyStates`.
"""

from dataclasses import replace

from companion import inviting, outgoing
from companion.app.groups.commits import INTENTS
from companion.app.groups.tools import Outcome, Tools, stand
from companion.chat.message import WAITING
from companion.fields import each_read
from companion.groups import MERGED, STANDING, Group
from companion.inviting import Invite
from companion.pairs import REQUESTS, first
from companion.ports import Change, Drop, Put


async def standing(tools: Tools, person: str) -> Group | None:
    """Return the pair with this person that stands here."""
    pairs = (g for g in await tools.groups() if g.peer is not None and g.peer.person == person and g.state in STANDING)
    return first(pairs, tools.context.me.member.person)


async def give_way(tools: Tools, new: Group) -> Outcome | None:
    """Return what goes for a group that is to stand here from now on; None if it is a pair that has to give way itself.

    What I said in the other pair waits in this one. A request of that person is answered.
    """
    if new.peer is None:
        return Outcome()
    me, person = tools.context.me.member.person, new.peer.person
    answered = Outcome(change=Change(drop=(Drop(REQUESTS, person),)))
    mine = await standing(tools, person)
    if mine is None or mine.id == new.id:
        return answered
    if first((mine, new), me) is mine:
        return None
    gone = await _gone(tools, mine, new)
    return replace(answered, change=answered.change + gone, forget=(mine.id,))


async def _gone(tools: Tools, mine: Group, new: Group) -> Change:
    items = await tools.outbox.of_group(mine.id)
    intents = await tools.commits.intents(mine.id)
    drop = (*(Drop(outgoing.TABLE, i.cid) for i in items), *(Drop(INTENTS, i.id) for i in intents))
    docs = await tools.context.store.all(WAITING)
    said = (Put(WAITING, {**doc, "group": new.id}) for doc in docs if doc.get("group") == mine.id)
    made = each_read(await tools.context.store.all(inviting.TABLE), Invite.from_doc)
    revoked = (replace(one, is_revoked=True) for one in made if one.group == mine.id)
    invites = (Put(inviting.TABLE, one.to_doc()) for one in revoked)
    merged = replace(mine, state=MERGED, capability="")
    return Change(put=(stand(merged), *said, *invites), drop=drop)
