"""What load generators and our own client have seen."""

from __future__ import annotations

import pytest
from bench.load import Sight, read_hey, read_wrk, time_until
from bench.machine import read_model
from harness.process import HarnessError

WRK = """Running 6s test @ http://served/
  1 threads and 20 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     5.01ms    2.11ms  1.03s    85.20%
    Req/Sec     4.10k   310.00     4.60k    70.00%
  Latency Distribution
     50%    4.70ms
     75%    5.80ms
     90%    7.30ms
     99%   12.41ms
  24501 requests in 6.00s, 4.50MB read
Requests/sec:   4082.11
Transfer/sec:    768.00KB
"""
HEY = """
Summary:
  Total:	9.0051 secs
  Slowest:	0.1712 secs
  Fastest:	0.0009 secs
  Average:	0.0031 secs
  Requests/sec:	199.8874

Latency distribution:
  10% in 0.0012 secs
  99% in 0.0214 secs

Status code distribution:
  [200]	1795 responses
  [502]	2 responses

Error distribution:
  [3]	Get "http://served/": EOF
"""


def test_wrk_is_read() -> None:
    traffic = read_wrk(WRK)
    assert (traffic.rate, traffic.p99, traffic.slowest, traffic.failed) == (4082.11, 12.41, 1030, 0)


def test_wrk_tells_of_failures() -> None:
    said = "  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 4\n"
    assert read_wrk(WRK.replace("Requests/sec", f"{said}Requests/sec")).failed == 10


def test_hey_is_read_with_what_failed_in_either_way() -> None:
    traffic = read_hey(HEY)
    assert [traffic.rate, traffic.p99, traffic.slowest] == pytest.approx([199.8874, 21.4, 171.2])
    assert traffic.failed == 5


def test_what_is_no_output_of_a_load_generator_is_told() -> None:
    with pytest.raises(HarnessError, match="connection refused"):
        read_wrk("unable to connect to served:http connection refused")


def test_a_page_is_timed_from_the_start() -> None:
    assert time_until(Sight(first={"old": 10.0, "new": 14.5}, asked=99), "new", started=10.5) == 4


def test_a_request_that_failed_ends_the_measurement() -> None:
    with pytest.raises(HarnessError, match="1 of 3 requests failed, such as 502"):
        time_until(Sight(first={"new": 1.0}, asked=3, failures=["502"]), "new", started=0)


def test_a_page_that_never_came_ends_the_measurement() -> None:
    with pytest.raises(HarnessError, match="never seen"):
        time_until(Sight(first={"old": 1.0}, asked=3), "new", started=0)


def test_the_processor_is_named() -> None:
    assert read_model("processor : 0\nmodel name\t: Some CPU @ 2 GHz\nflags : a\n") == "Some CPU @ 2 GHz"
