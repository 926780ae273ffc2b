import hashlib
import json
from datetime import UTC, datetime

import pytest

from siting.errors import BadInput
from siting.ledger.anchor import Head, anchor, from_json, to_json

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
HEADS = [Head(chain="case:b", number=3, value="22"), Head(chain="case:a", number=1, value="11")]


def test_the_root_is_a_digest_over_the_ordered_heads():
    text = '{"heads":[{"chain":"case:a","number":1,"value":"11"},{"chain":"case:b","number":3,"value":"22"}]}'
    assert anchor(HEADS, at=NOW).root == hashlib.sha256(text.encode()).hexdigest()
    assert anchor(HEADS[::-1], at=NOW) == anchor(HEADS, at=NOW)


def test_an_anchor_survives_its_file():
    assert from_json(to_json(anchor(HEADS, at=NOW))) == anchor(HEADS, at=NOW)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"heads": 3}', b'{"heads": [{"chain": "a"}]}'])
def test_a_file_that_is_no_anchor_is_refused(data):
    with pytest.raises(BadInput, match="siting anchor"):
        from_json(data)


def test_an_anchor_in_which_a_head_was_changed_is_refused():
    told = json.loads(to_json(anchor(HEADS, at=NOW)))
    told["heads"][0]["number"] = 2
    with pytest.raises(BadInput, match=told["root"]):
        from_json(json.dumps(told).encode())
