import hashlib
import hmac

import pytest

from siting.errors import BadInput
from siting.ledger import chain, sm3

KEY = b"k" * 32


def entries(n):
    prev, made = chain.START, []
    for i in range(n):
        event = {"number": i, "text": f"事件{i}"}
        prev = chain.link(prev, event, key=KEY)
        made.append((event, prev))
    return made


def test_the_link_is_an_hmac_over_length_prefixed_parts():
    body = b'{"a":1}'
    parts = (chain.START.encode(), body)
    message = b"".join(len(p).to_bytes(8, "big") + p for p in parts)
    assert chain.link(chain.START, {"a": 1}, key=KEY) == hmac.new(KEY, message, hashlib.sha256).hexdigest()


def test_an_untouched_chain_verifies():
    assert chain.verify(entries(5), key=KEY).ok


def test_an_edited_event_is_named():
    made = entries(5)
    made[2] = ({**made[2][0], "text": "改"}, made[2][1])
    assert chain.verify(made, key=KEY).seq == 3


def test_a_deleted_event_is_found():
    made = entries(5)
    del made[1]
    assert chain.verify(made, key=KEY).seq == 2


def test_a_swapped_pair_is_found():
    made = entries(5)
    made[1], made[2] = made[2], made[1]
    assert not chain.verify(made, key=KEY).ok


def test_another_key_does_not_verify():
    assert not chain.verify(entries(1), key=b"x" * 32).ok


def test_key_order_and_text_form_do_not_matter():
    assert chain.canonical({"b": 1, "a": "e\u0301"}) == chain.canonical({"a": "\u00e9", "b": 1})


def test_a_binary_fraction_is_refused():
    with pytest.raises(BadInput):
        chain.canonical({"a": [0.1]})


@pytest.mark.parametrize("data", [b"", b"abc", b"abcd" * 16, bytes(range(256)), "南开区".encode() * 77])
def test_our_own_sm3_is_that_of_the_library(data):
    if "sm3" not in hashlib.algorithms_available:
        pytest.skip("the system's library has no SM3")
    assert sm3.digest(data) == hashlib.new("sm3", data).digest()


def test_the_published_example_of_sm3_holds():
    assert sm3.digest(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@pytest.mark.parametrize("key", [KEY, b"long" * 40])
def test_a_machine_without_sm3_computes_the_same_link(monkeypatch, key):
    if "sm3" not in hashlib.algorithms_available:
        pytest.skip("the system's library has no SM3")
    expected = chain.link(chain.START, {"a": 1}, key=key, hash_name="sm3")
    monkeypatch.setattr(hashlib, "algorithms_available", {"sha256"})
    assert chain.link(chain.START, {"a": 1}, key=key, hash_name="sm3") == expected


def test_a_chain_that_changed_its_hash_still_verifies_and_still_tells_edits():
    made = entries(2)
    event = {"number": 2}
    made.append((event, chain.link(made[-1][1], event, key=KEY, hash_name="sm3")))
    assert chain.verify(made, key=KEY).ok
    made[2] = ({"number": 3}, made[2][1])
    assert chain.verify(made, key=KEY).seq == 3


def test_an_unknown_hash_is_refused_and_does_not_verify():
    with pytest.raises(BadInput):
        chain.link(chain.START, {}, key=KEY, hash_name="md5")
    assert chain.verify([({}, "md5:00")], key=KEY).seq == 1
