import hashlib
import hmac

import pytest

from siting.errors import BadInput
from siting.ledger import chain

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
