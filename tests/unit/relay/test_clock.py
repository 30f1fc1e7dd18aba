"""The service's clock where nobody gives it another."""

from companion.times import Sure
from services.clock import SystemClock
from services.relay.clock import ServiceClock
from tests.clocks import JumpingClock


def test_the_service_goes_by_the_clock_of_its_computer() -> None:
    assert 0 <= ServiceClock().now_ms() - SystemClock().now_ms() + 60_000 <= 120_000


def test_a_clock_set_back_is_followed_for_an_hour_and_no_further() -> None:
    clock = JumpingClock()
    service, start_ms = ServiceClock(clock), clock.ms
    service.look(Sure(sure_ms=start_ms), 0)
    clock.jump(-3_600_000)
    assert service.now_ms() == start_ms - 3_600_000
    clock.jump(-1)
    assert service.now_ms() == start_ms
    clock.move(5)
    assert service.now_ms() == start_ms + 5
