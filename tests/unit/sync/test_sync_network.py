"""One service has one client, however its address was written."""

import pytest

from services.sync.network import RelayNetwork


@pytest.mark.parametrize(
    "address",
    [
        "https://relay.example",
        "https://relay.example/",
        "https://B\u00fccher.example.",
        "https://a-token@relay.example",
    ],
)
async def test_service_keeps_its_client(address):
    network = RelayNetwork(address, None)
    await network.open("ab" * 16, bytes(32))
    assert await network.relay(address) is await network.relay(address)
    await network.close()


async def test_token_of_an_address_goes_to_the_service_and_is_no_part_of_where_it_is():
    network = RelayNetwork("", None)
    await network.open("ab" * 16, bytes(32))
    client = await network.relay("https://a-token@relay.example")
    assert client.base_url == client._transport.origin == "https://relay.example"
    assert client._introduction == {"token": "a-token"}
    await network.close()
