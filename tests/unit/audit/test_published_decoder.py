"""docs/decoder/submit-blocks.mjs, which indexers and explorers use, beside the Python decoder: byte for byte."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.chain_history.records import SELECTORS, calls
from chain_bandit.protocol.blocks import Body, Header, Report, SignedReport, approves, mask, seats
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.parameters import FIELDS, BodyMode, Parameters
from chain_bandit.protocol.submission import Submitted, decode, encode
from tests.unit.audit.played_game import GAMES, Played, Script
from tests.unit.audit.test_vouched import GAMES as VOUCHED

DECODER = Path(__file__).resolve().parents[3] / "docs" / "decoder" / "submit-blocks.mjs"
NODE = Path(sys.executable).parent / "node"
SCRIPT = """
import { decodeSubmitBlocks, SELECTOR } from "%s";
const { parameters, inputs } = JSON.parse(await new Response(process.stdin).text());
const said = (input) => {
  try { return decodeSubmitBlocks(input, parameters); } catch (error) { return error.message; }
};
console.log(JSON.stringify({ selector: SELECTOR, decoded: inputs.map(said) }));
"""


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def decoded(parameters: Parameters, inputs: Sequence[bytes]) -> list[Any]:
    """What the published decoder makes of calldata, by what the contract says of its parameters."""
    named: dict[str, Any] = {camel(name): str(value) for name, value in zip(FIELDS, parameters.fields(), strict=True)}
    named["sealedGame"] = str(int(parameters.sealed))
    asked = json.dumps({"parameters": named, "inputs": ["0x" + each.hex() for each in inputs]})
    named["reserved"] = {"growth": named.pop("growth")}  # as the contract has it
    script = SCRIPT % DECODER.as_uri()
    command = [str(NODE), "--input-type=module", "-e", script]
    told = json.loads(subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout)
    assert told["selector"] == "0x" + SELECTORS["submitBlocks"].hex()
    return list(told["decoded"])


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def rebuilt(p: Parameters, told: dict[str, Any]) -> Submitted:
    """The block that was taken apart, put together by Python."""
    header = Header(
        round=0, parent=ZERO, blocked=0, body=raw(told["bodyHash"] or ""), reporters=mask(told["reporters"]),
        arm=told["arm"], candidates=tuple(map(mask, told["candidates"])), selected=tuple(map(mask, told["selected"])),
        committee=mask(told["committee"] or ()), means=tuple(told["means"]), accuracies=tuple(told["accuracies"] or ()),
        commanders=mask(told["commanders"] or ()),
        states=tuple(tuple(map(int, state)) for state in told["states"] or ()), length=told["length"] or 1,
    )  # fmt: skip
    body = b""
    if p.body_mode == BodyMode.FULL:
        assert [each["seat"] for each in told["reports"]] == told["reporters"]
        reports = tuple(
            SignedReport.of(
                Report(
                    tuple(each["means"]), raw(each["commitment"]), raw(each["proof"]), raw(each["sealed"]),
                    () if each["named"] is None else (each["named"],),
                ),
                raw(each["signature"]),
            )
            for each in told["reports"]
        )
        body = Body(tuple(told["radii"]), reports).encode()
    return Submitted.of(p, header, body, mask(told["signers"]), b"".join(map(raw, told["signatures"])))


@pytest.mark.parametrize("name", [*GAMES, *VOUCHED])
def test_what_is_taken_apart_is_what_was_recorded(name: str, games: Callable[[str], Played]) -> None:
    played = games(name) if name in GAMES else Played(Script(parameters=VOUCHED[name]))
    p = played.p
    inputs = [call.transaction.data for call in calls(played.history)
              if call.method == "submitBlocks" and call.succeeded]  # fmt: skip
    assert inputs or name == "called off"
    for data, told in zip(inputs, decoded(p, inputs), strict=True):
        assert not isinstance(told, str), told
        assert encode(p, [rebuilt(p, each) for each in told]) == data[4:]
        for block, each in zip(decode(p, data[4:]), told, strict=True):
            header = block.opened(p, 1, ZERO, 0)[0]
            assert tuple(each["means"]) == header.means
            assert each["approved"] is approves(header.means)
            assert each["signers"] == list(seats(block.signers))
            assert (each["committee"] is None, each["commanders"] is None) == (
                not p.has_committees, not p.draws_commanders
            )  # fmt: skip
            assert each["accuracies"] is None or tuple(each["accuracies"]) == header.accuracies
            assert (each["states"] is None) is not p.keeps_state
            assert each["length"] == (header.length if p.has_phases else None)


def test_the_round_that_a_report_names_is_no_estimator(honest: Played) -> None:
    data = next(call.transaction.data for call in calls(honest.history) if call.method == "submitBlocks")
    block, plain = decode(honest.p, data[4:])[0], honest.p
    _, body = block.opened(plain, 1, ZERO, 0)
    named = tuple(SignedReport.of(replace(each.report, named=(7,)), each.signature) for each in body.reports)
    p = replace(plain, slash=1, provable=1)
    inputs = data[:4] + encode(p, [replace(block, body=replace(body, reports=named).encode())])
    ((told,),) = decoded(p, [inputs])
    assert [each["named"] for each in told["reports"]] == [7] * len(named)
    assert encode(p, [rebuilt(p, told)]) == inputs[4:]


def test_calldata_that_is_none_is_refused_in_a_sentence(honest: Played) -> None:
    p = honest.p
    data = next(call.transaction.data for call in calls(honest.history) if call.method == "submitBlocks")
    first = 4 + 2 * p.mask_bytes  # the arm
    decided = decode(p, data[4:])[0].decided
    extension = data.index(decided) + len(decided) - 1
    unsigned = Submitted.encode(replace(decode(p, data[4:])[0], signers=0, signatures=b""), p)
    wrong = {
        keccak(b"another()")[:4] + data[4:]: "no call of submitBlocks", data[:-1]: "ends within a block",
        data + b"\1": "ends within a block", data[:4]: "ends within a block",
        data[:first] + b"\xff" + data[first + 1 :]: "there is no arm 255",
        data[:extension] + b"\7" + data[extension + 1 :]: "there is no extension of type 7",
        data[:4] + unsigned: "nobody signed the last block",
    }  # fmt: skip
    for sentence, told in zip(wrong.values(), decoded(p, list(wrong)), strict=True):
        assert isinstance(told, str)
        assert sentence in told
