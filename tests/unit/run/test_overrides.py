import pytest

from anyformer.errors import ConfigError
from anyformer.run import overrides
from anyformer.spec import Spec, spec


class Menu(Spec):
    pass


@spec
class Apple(Menu):
    weight: float = 1.0
    colour: str = "green"


@spec
class Pear(Menu):
    length: int = 3


@spec
class Basket(Spec):
    fruit: Menu = Apple(weight=2.0)
    spare: Menu | None = None
    many: tuple[Menu, ...] = ()


@spec
class Shop(Spec):
    basket: Basket = Basket()


def test_values_are_read_by_yaml_rules():
    assert overrides.read(["a.b=1e-3", "c=no", "d=[1, 2]", "e=", "f=x=y"]) == {"a.b": 1e-3, "c": "no", "d": [1, 2], "e": None, "f": "x=y"}


def test_all_wrong_arguments_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        overrides.read(["nothing", "a=[1", ".b=3", "good=1"])
    assert [p.path for p in caught.value.problems] == ["nothing", "a", ".b=3"]


def laid(data, path, value):
    overrides.lay(data, path, value, Shop)
    return data


def test_what_is_not_written_keeps_its_default():
    data = laid({}, "basket.fruit.colour", "red")
    assert Shop.from_dict(data).basket.fruit == Apple(weight=2.0, colour="red")


def test_a_bare_kind_keeps_its_kind():
    data = laid({"basket": {"fruit": "Pear"}}, "basket.fruit.length", 5)
    assert Shop.from_dict(data).basket.fruit == Pear(length=5)


def test_a_kind_replaces_the_whole():
    data = laid({"basket": {"fruit": {"kind": "Apple", "colour": "red"}}}, "basket.fruit", "Pear")
    assert Shop.from_dict(data).basket.fruit == Pear()


def test_items_of_a_list_have_numbers():
    data = laid({"basket": {"many": ["Apple", "Pear"]}}, "basket.many.1.length", 9)
    assert Shop.from_dict(data).basket.many == (Apple(), Pear(length=9))
    with pytest.raises(ConfigError, match="index below 2"):
        laid({"basket": {"many": ["Apple", "Pear"]}}, "basket.many.2.length", 9)


def test_a_plain_value_has_no_fields():
    with pytest.raises(ConfigError, match="plain value"):
        laid({"basket": {"fruit": {"kind": "Pear", "length": 3}}}, "basket.fruit.length.x", 1)


def test_dots_in_keys_are_mappings():
    assert overrides.nest({"encoder.n_layers": 6, "encoder": {"x.y": 1}, "list": [{"a.b": 2}]}) == {
        "encoder": {"n_layers": 6, "x": {"y": 1}},
        "list": [{"a": {"b": 2}}],
    }
    assert overrides.nest({"norm": "RMSNorm", "norm.eps": 1e-5}) == {"norm": {"kind": "RMSNorm", "eps": 1e-5}}
