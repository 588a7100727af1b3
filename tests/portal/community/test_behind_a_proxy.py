"""Where a visitor comes from: a configured proxy's word for it, and nobody else's."""

from __future__ import annotations

import re

import httpx
import pytest

from archive.errors import HomeTrouble
from archive.people.roles import Role
from archive.portal.community.serving import trusted_proxies

PASSWORD = "four quite unrelated words"


def enter(address: str, name: str, password: str, **headers: str) -> int:
    with httpx.Client(base_url=address, headers=headers, timeout=20, trust_env=False) as client:
        token = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/enter").text).group(1)
        return client.post("/enter", data={"token": token, "name": name, "password": password}).status_code


@pytest.mark.parametrize("proxies", [(), ("192.0.2.0/24",), ("127.0.0.1/32",)])
def test_an_attacker_keeps_nobody_out_who_comes_by_a_trusted_proxy(archive, behind, proxies):
    archive.person("ana", Role.CURATOR)
    trusted = proxies == ("127.0.0.1/32",)
    with behind(proxies) as address:
        for number in range(10):
            # What the attacker says of itself stands before what the proxy saw.
            status = enter(
                address, f"name{number}", "wrong", **{"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.9"}
            )
            assert status == 403
        assert enter(address, "name", "wrong", **{"X-Forwarded-For": "203.0.113.77, 198.51.100.9"}) == 429
        other = enter(address, "ana", PASSWORD, **{"X-Forwarded-For": "198.51.100.10"})
        assert other == (303 if trusted else 429)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        places = {row["key"] for row in tx.all("SELECT key FROM people_tries WHERE key LIKE 'address %'")}
    assert "address 198.51.100.9" in places if trusted else places == {"address 127.0.0.1"}


def test_only_addresses_are_trusted():
    assert trusted_proxies({}) == ()
    assert trusted_proxies({"serve": {"proxies": ["127.0.0.1", "203.0.113.0/24"]}}) == (
        "127.0.0.1/32",
        "203.0.113.0/24",
    )
    for wrong in ("127.0.0.1", ["*"], [""], [1], ["proxy.example.org"]):
        with pytest.raises(HomeTrouble):
            trusted_proxies({"serve": {"proxies": wrong}})
