import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyformer.errors import ConfigError
from anyformer.run import yaml12


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1.5E3", 1500.0),
        ("5", 5),
        ("-0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("012", 12),
        (".inf", float("inf")),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("", None),
        ("~", None),
        ("'1'", "1"),
        ("<<", "<<"),
        ("Causal() & Window(left=255)", "Causal() & Window(left=255)"),
        ("[1, a, 1e3]", [1, "a", 1000.0]),
        ("{kind: RMSNorm, eps: 1e-6}", {"kind": "RMSNorm", "eps": 1e-6}),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    read = yaml12.parse_value(text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3", "twice; the first is on line 1"),
        ("x: 1\na: !!python/object/apply:os.system ['true']\n", "f.yaml:2", "never executed"),
        ("a: !own 3\n", "f.yaml:1", "never executed"),
        ("a: [1, 2\n", "f.yaml:2", "not valid YAML"),
        ("a: &x [*x]\n", "f.yaml:1", "endless"),
        ("a: 1\n\tb: 2\n", "f.yaml:2", "not valid YAML"),
        ("a: \x01\n", "f.yaml", "not valid YAML"),
        ("? [a, b]\n: 1\n", "f.yaml:1", "plain word"),
        ("a: !!int x\n", "f.yaml:1", "not of type int"),
    ],
)
def test_what_is_refused_says_where(text, where, says):
    with pytest.raises(ConfigError) as caught:
        yaml12.parse(text, "f.yaml")
    (problem,) = caught.value.problems
    assert problem.path == where
    assert says in problem.message


def test_many_aliases_are_no_endless_document():
    lines = ["a0: &a0 [1, 1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(ConfigError, match="endless"):
        yaml12.parse("\n".join(lines), "f.yaml")


def test_code_in_a_recipe_is_not_run(tmp_path):
    with pytest.raises(ConfigError):
        yaml12.parse(f"a: !!python/object/apply:pathlib.Path.touch ['{tmp_path / 'ran'}']")
    assert not (tmp_path / "ran").exists()


def test_lines_of_paths():
    document = yaml12.parse("train:\n  max_steps: 3\n  list:\n    - a\n    - b\n")
    assert document.lines["train.max_steps"] == 2
    assert document.lines["train.list.1"] == 5


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff"))
)
_keys = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1)


@given(st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4), max_leaves=12))
def test_dump_reads_back_equal(data):
    assert yaml12.parse(yaml12.dump(data)).data == data
