import pytest

from siting import settings
from siting.errors import BadInput, NotFound


def test_a_district_reads_back_what_was_written(tmp_path):
    settings.write(
        tmp_path / "d", {"district.name": '引号"与\\斜杠', "district.crs": "EPSG:32619", "coverage.cell_m": 20.0}
    )
    found = settings.load(tmp_path / "d", environ={})
    assert found.name == '引号"与\\斜杠'
    assert found.crs == "EPSG:32619"
    assert found.number("coverage.cell_m") == 20.0


def test_what_the_file_does_not_say_has_the_default_of_the_table(tmp_path):
    settings.write(tmp_path, {"district.name": "甲"})
    found = settings.load(tmp_path, environ={})
    assert set(found.values) == {row.key for row in settings.rows()}
    assert found.text("coverage.profile") == "weak-110"


def test_the_environment_wins_over_the_file(tmp_path):
    settings.write(tmp_path, {"app.port": 9000})
    assert settings.load(tmp_path, environ={"SITING_APP_PORT": "9100"}).whole("app.port") == 9100


def test_an_unknown_setting_is_refused_by_name(tmp_path):
    (tmp_path / "siting.toml").write_text("[app]\nprot = 1\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"app\.prot"):
        settings.load(tmp_path, environ={})


@pytest.mark.parametrize("text", ['[app]\nport = "many"\n', "[district]\nsynthetic = 3\n"])
def test_a_value_of_the_wrong_type_is_refused(tmp_path, text):
    (tmp_path / "siting.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        settings.load(tmp_path, environ={})


def test_a_broken_file_is_refused_with_the_place(tmp_path):
    (tmp_path / "siting.toml").write_text("[app\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 1"):
        settings.load(tmp_path, environ={})


def test_a_folder_without_settings_is_no_district(tmp_path):
    with pytest.raises(NotFound):
        settings.load(tmp_path, environ={})


def test_an_existing_district_is_never_overwritten(tmp_path):
    settings.write(tmp_path, {"district.name": "甲"})
    with pytest.raises(BadInput):
        settings.write(tmp_path, {"district.name": "乙"})
    assert settings.load(tmp_path, environ={}).name == "甲"


def test_every_row_of_the_table_is_explained_in_both_languages():
    assert [row.key for row in settings.rows() if not (row.help_zh.strip() and row.help_en.strip())] == []
