"""Profiles as a clerk writes them: what one says wrongly is found when it is loaded, and told with its file."""

from pathlib import Path

import pytest

from reconciliation import bill_profiles, profiles
from reconciliation.layouts import comparisons
from reconciliation.profiles import STATED, ProfileBroken

BANK = """
name: a-bank
bank: 某银行
source: a test
file: csv
header_row: 1
header: [日期, 收入, 支出, 余额, 摘要, 类型, 付款人, 收款人]
currency: {always: CNY}
booked: {date: 日期, formats: ["%Y-%m-%d"]}
amount: {rule: separate, credit: 收入, debit: 支出}
balance: 余额
remark: [摘要]
"""


def folder(tmp_path: Path, *written: str) -> Path:
    for at, text in enumerate(written):
        (tmp_path / f"{at}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_profile_of_a_clerk_is_loaded(tmp_path: Path) -> None:
    (found,) = profiles.load(folder(tmp_path, BANK))
    assert (found.name, found.amounts) == ("a-bank", ["收入", "支出"])


@pytest.mark.parametrize(
    ("was", "becomes", "sentence"),
    [
        ("balance: 余额", "balance: 没有这一列", "no such column in its header: 没有这一列"),
        ("balance: 余额", "ballance: 余额", r"0\.yaml: .*\n?ballance"),
        ("balance: 余额", "balance: 余额\nbalance: 收入", r"0\.yaml: stands twice: balance"),
        ("source: a test\n", "", r"0\.yaml"),
        ("[日期, 收入,", "[日期, 日 期, 收入,", "stands twice in its header"),
        ("{always: CNY}", "{always: XAU}", "currencies are some of CNY"),
        ("{always: CNY}", "{}", "currencies are some of CNY"),
        ("rule: separate", "rule: guess", r"0\.yaml"),
        ("remark: [摘要]", "remark: [摘要]\nstated: ['余额:{balance}']", "stated knows account"),
        ("balance: 余额", "may_end_early: true", "only a running balance"),
        ("remark: [摘要]", "remark: [摘要]\ncounterparty: {credit: 付款人, debit: 收款人}", "by direction need"),
        (
            "remark: [摘要]",
            "remark: [摘要]\naside: [{column: 状态, cells: [关闭]}]",
            "no such column in its header: 状态",
        ),
        ("remark: [摘要]", "remark: [摘要", r"0\.yaml"),
    ],
)
def test_what_it_says_wrongly_is_told_with_its_file(tmp_path: Path, was: str, becomes: str, sentence: str) -> None:
    assert was in BANK
    with pytest.raises(ProfileBroken, match=sentence):
        profiles.load(folder(tmp_path, BANK.replace(was, becomes)))


def test_two_profiles_that_one_header_fits_are_refused_by_name(tmp_path: Path) -> None:
    turned = BANK.replace("a-bank", "b-bank").replace("[日期, 收入, 支出", "[收入, 日期, 支出")
    with pytest.raises(ProfileBroken, match="a-bank and b-bank have the same header"):
        profiles.load(folder(tmp_path, BANK, turned))


def test_two_profiles_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileBroken, match=r"1\.yaml: there is already a profile a-bank"):
        profiles.load(folder(tmp_path, BANK, BANK.replace("付款人", "付方")))


def test_every_profile_tells_where_it_was_seen_and_is_written_down() -> None:
    told = (Path(__file__).parents[2] / "docs/statement-profiles.md").read_text(encoding="utf-8")
    assert all(each.source for each in profiles.known())
    assert all(each.source for each in bill_profiles.known())
    for part in (profiles.Profile, bill_profiles.BillProfile):
        assert [key for key in part.model_fields if f"`{key}`" not in told] == []
    assert [place for place in STATED if f"{{{place}}}" not in told] == []


def test_a_header_is_compared_with_every_profile_and_the_nearest_comes_first() -> None:
    (icbc,) = (each for each in profiles.known() if each.name == "icbc-corporate-old")
    header = [name for name in icbc.header if name != "余额"] + ["账户余额"]
    found = comparisons([["工商银行"], [], header])
    assert [each.profile.name for each in found[:1]] == ["icbc-corporate-old"]
    assert (found[0].row, found[0].missing, found[0].added) == (3, ("余额",), ("账户余额",))
    assert str(found[0]) == "row 3: lacks 余额; has in addition 账户余额"
    assert {each.profile.name for each in found} == {each.name for each in profiles.known()}
    assert not any(each.fits for each in found)


def test_the_whole_header_fits_in_any_order() -> None:
    for profile in profiles.known():
        (first, *rest) = comparisons([profile.header[::-1]])
        assert first.profile is profile
        assert first.fits
        assert not any(each.fits for each in rest)
