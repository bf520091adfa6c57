from fractions import Fraction
from pathlib import Path

import pytest

from chain_bandit.environments.errors import TableInvalid
from chain_bandit.environments.table import load_table
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.rewards import Distribution
from chain_bandit.protocol.units import MOST, UNIT

FLIGHTS = Path(__file__).resolve().parents[3] / "examples" / "flights.csv"
HEADER = b"arm,reward,count\n"


def written(tmp_path, data):
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"", 1, "expected the columns"),
        (b"arm,reward\nA,1\n", 1, "expected the columns"),
        (b"arm,reward,count,count\nA,1,1,1\n", 1, "expected the columns"),
        (b"arm;reward;count\nA;1;1\n", 1, "expected the columns"),
        (HEADER, 0, "no recorded reward"),
        (HEADER + b"\n\n", 0, "no recorded reward"),
        (HEADER + b"A,1\n", 2, "expected 3 fields, got 2"),
        (HEADER + b"A,1,1\nA,0,1,7\n", 3, "expected 3 fields, got 4"),
        (HEADER + b",1,1\n", 2, "name of an arm"),
        (HEADER + b"  ,1,1\n", 2, "name of an arm"),
        (HEADER + b"\x1b[31mA,1,1\n", 2, "name of an arm"),
        (HEADER + b"A,nan,1\n", 2, "expected a reward"),
        (HEADER + b"A,,1\n", 2, "expected a reward"),
        (HEADER + b"A,inf,1\n", 2, "expected a reward"),
        (HEADER + b"A,-0.5,1\n", 2, "expected a reward"),
        (HEADER + b"A,1,1\nB,1.000000001,1\n", 3, "expected a reward"),
        (HEADER + b"A,1e99999,1\n", 2, "expected a reward"),
        (HEADER + b"A,1.0000000000001,1\n", 2, "expected a reward"),
        (HEADER + "A,\u0661,1\n".encode(), 2, "expected a reward"),
        (HEADER + b"A,1,0\n", 2, "expected a count"),
        (HEADER + b"A,1,-3\n", 2, "expected a count"),
        (HEADER + b"A,1,1.5\n", 2, "expected a count"),
        (HEADER + b"A,1,1_0\n", 2, "expected a count"),
        (HEADER + b"A,1,\n", 2, "expected a count"),
        (HEADER + b"A,1,4294967296\n", 2, "from 1 to 4294967295"),
        (HEADER + b"A,1," + b"9" * 5000 + b"\n", 2, "expected a count"),
        (HEADER + b"A," + b"9" * 5000 + b",1\n", 2, "expected a reward"),
        (HEADER + b"A,1," + b"9" * 10**6 + b"\n", 2, "not CSV"),
        (HEADER + b"A,0.5,1\nB,1,1\nA,0.50,4294967295\n", 4, "add up to more than 4294967295"),
        (HEADER + b"A,1,1\nB\xff,1,1\n", 3, "not UTF-8"),
        (HEADER + b'A,1,1\n"B,1,1\n', 3, "not CSV"),
        (HEADER + b"A" * 200_000 + b",1,1\n", 2, "not CSV"),
        ("arm,reward,count\nA,1,1\n".encode("utf-16"), 1, "not UTF-8"),
    ],
)
def test_table_is_refused_with_file_and_line(tmp_path, data, line, problem):
    path = written(tmp_path, data)
    with pytest.raises(TableInvalid, match=problem) as refusal:
        load_table(path)
    error = refusal.value
    assert (error.path, error.line, error.exit_code) == (path, line, 3)
    assert str(path) in str(error)
    assert (f"line {line}:" in str(error)) == (line > 0)
    assert "\n" not in str(error)
    assert len(str(error)) < len(str(path)) + 150
    assert isinstance(error, ChainBanditError)


def test_table_is_refused_when_it_has_one_arm_too_many(tmp_path):
    rows = [b"arm%d,1,1\n" % arm for arm in range(MOST + 1)]
    assert len(load_table(written(tmp_path, HEADER + b"".join(rows[:-1]))).names) == MOST
    with pytest.raises(TableInvalid, match=f"line {MOST + 2}: more than {MOST} arms"):
        load_table(written(tmp_path, HEADER + b"".join(rows)))


def test_table_is_refused_when_an_arm_has_more_rewards_than_the_encoding_holds(tmp_path):
    rows = b"".join(b"A,0.%09d,1\n" % value for value in range(2**16))
    with pytest.raises(TableInvalid, match=r"line 65537: more than 65535 distinct rewards"):
        load_table(written(tmp_path, HEADER + rows))


@pytest.mark.parametrize("missing", ["absent.csv", "."])
def test_table_is_refused_when_it_cannot_be_read(tmp_path, missing):
    with pytest.raises(TableInvalid, match="cannot be read"):
        load_table(tmp_path / missing)


@pytest.mark.parametrize(
    "data",
    [
        b"arm,reward,count\nB,0.25,3\nA,1,4294967295\nB,0,1\n",
        b"\xef\xbb\xbfarm,reward,count\nB,0.25,3\nA,1,4294967295\nB,0,1\n",
        b"arm,reward,count\r\nB,0.25,3\r\nA,1,4294967295\r\nB,0,1\r\n",
        b"arm,reward,count\nB,0.25,3.0\nA,1,4294967295.\nB,0,1.00\n",
        b"count,arm,reward\n3,B,0.250\n\n4294967295,A,1.000000000000\n1,\"B\",0",
    ],
    ids=["plain", "byte-order mark", "CRLF", "counts of a join", "other order, blank line, quotes, no last newline"],
)
def test_table_reads_the_same_however_a_spreadsheet_wrote_it(tmp_path, data):
    table = load_table(written(tmp_path, data))
    assert table.names == ("B", "A")
    assert table.model.arms == (Distribution((0, UNIT // 4), (1, 3)), Distribution((UNIT,), (2**32 - 1,)))
    assert type(table.model).decode(table.model.encode(), 2) == table.model


def test_rewards_are_read_as_a_table_of_one_row_a_pull_has_them(tmp_path):
    """Numbers as pandas and spreadsheets write them, rounded to nine places; what rounds to one reward is added up."""
    rows = b"A,0.30000000000000004,3\nA,1e-05,2\nA,0.3,4\nA,.3,1\nA,1.0E0,1\nA,0.0000000001,1\nA,0,1\n"
    (arm,) = load_table(written(tmp_path, HEADER + rows)).model.arms
    assert arm == Distribution((0, 10_000, 3 * UNIT // 10, UNIT), (2, 2, 8, 1))


def test_flights_have_the_carriers_exact_shares():
    table = load_table(FLIGHTS)
    codes = [name.partition(" ")[0] for name in table.names]
    assert codes == ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]
    assert "AS Alaska Airlines" in table.names
    assert sum(arm.size for arm in table.model.arms) == 327_346
    shares = {
        code: Fraction(arm.weights[1], arm.size) for code, arm in zip(codes, table.model.arms, strict=True)
    }
    assert {arm.values for arm in table.model.arms} == {(0, UNIT)}
    assert shares["AS"] == max(shares.values()) == Fraction(520, 709)
    assert shares["FL"] == min(shares.values()) == Fraction(1280, 3175)
    assert shares["UA"] == Fraction(35_560, 57_782)
    assert table.model.means == tuple(int(share * UNIT) for share in shares.values())
