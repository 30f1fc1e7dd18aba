"""A damaged conversation says what is the matter, and what the one next step is."""

from companion.chat.message import messages_table
from companion.ports import APART, Damage
from tests.fakes import ASSETS, Desk, deliver
from tests.ui.groups.talk import core
from tests.ui.people import opened
from views.gate.rescuing import part_name
from views.words.texts import load_texts


async def test_a_damaged_conversation_is_set_aside_and_goes_on_after_a_press(
    hazel: Desk, jay: Desk, group: str
) -> None:
    texts, store = hazel.window.texts, hazel.vault.store
    await core(jay).chat.post(group, "Still there?")
    store.broken, store.damages = (
        {messages_table(group): "missing"},
        (Damage(part="msg", kind="missing", of=group),),
    )
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: texts("groups.aside") in app.texts())
        await deliver(jay, hazel)
        assert "Still there?" not in app.texts()
        await app.click(texts("groups.aside_go_on"))
        await deliver(hazel)
        await app.until(lambda: "Still there?" in app.texts())
        assert texts("groups.aside") not in app.texts()
        assert texts("groups.gap_now_line") in app.labels()


async def test_each_damage_names_its_group_and_what_no_group_owns_can_only_be_copied(hazel: Desk, group: str) -> None:
    texts, store = hazel.window.texts, hazel.vault.store
    store.damages = (Damage(part="msg", kind="missing", of=group), Damage(part="journal", kind="changed"))
    async with opened(hazel, route="/account/damage") as app:
        name = core(hazel).groups.tools.cache
        (known,) = await name.all()
        await app.until(lambda: texts("errors.damage_of", part="Messages", name=known.name) in app.texts())
        assert len([one for one, _ in app.named() if one == texts("errors.damage_go_on")]) == 1
        await app.click(texts("errors.damage_go_on"))
        await app.until(lambda: store.damages == (Damage(part="journal", kind="changed"),))


def test_damage_to_what_a_group_needs_is_said_of_groups_and_not_of_other_data():
    texts = load_texts(ASSETS / "words")
    assert {part_name(texts, part) for part in APART} == {texts("errors.part_groups")}
    assert part_name(texts, "times") == texts("errors.part_other")
