"""Any event of any type, drawn from the models' own fields, and readers of other versions of them.

Nothing here names a type or a field: a new one is drawn as soon as it stands in a model.
"""

from functools import lru_cache, reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from hypothesis import reject
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ValidationError, create_model
from pydantic.fields import FieldInfo

from shared.envelope import Cause
from shared.events import Event

LATER = "added_later"

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    AwareDatetime: st.datetimes(timezones=st.timezones()),
    float: st.floats(allow_nan=False, allow_infinity=False),
}


@lru_cache
def any_event(event: type[Event]) -> st.SearchStrategy[Any]:
    """Every event of a type, its envelope as `say` makes it."""
    return st.builds(
        _say,
        st.just(event),
        values(event.model_fields["data"]),
        cause=st.builds(
            Cause,
            st.uuids(),
            st.text(min_size=1),
            st.none() | st.uuids(),
            st.none() | st.uuids(),
            st.none() | st.text(),
        ),
        source=st.text(),
        time=PLAIN[AwareDatetime],
        part=st.text(),
    )


def _say(event: type[Event], data: Any, **how: Any) -> Event:  # noqa: ANN401 - of whichever type
    try:
        said: Event = event.say(data, **how)
    except ValidationError:  # an instant that UTC has no year for
        reject()
    return said


def values(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Every value of a field."""
    if field.metadata:
        return _of(Annotated[(field.annotation, *field.metadata)])
    return _of(field.annotation)


def _of(annotation: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - what a field may be of
    origin = get_origin(annotation)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Annotated:
        return _annotated(*get_args(annotation))
    if _is_model(annotation):
        fields = {name: values(field) for name, field in annotation.model_fields.items()}
        return st.builds(_made, st.just(annotation), st.fixed_dictionaries(fields))
    if origin is tuple:
        return st.lists(_of(get_args(annotation)[0]), max_size=3).map(tuple)
    if origin in (Union, UnionType):
        return st.one_of(*map(_of, get_args(annotation)))
    return st.from_type(annotation)


def _annotated(inner: Any, *metadata: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - the same
    """Hypothesis knows bounds; what a validator refuses is refused when the model is made."""
    bounds = [each for each in metadata if type(each).__module__ == "annotated_types"]
    if not bounds or inner in PLAIN or get_origin(inner) or _is_model(inner):
        return _of(inner)
    return st.from_type(Annotated[(inner, *bounds)])  # type: ignore[arg-type]  # it takes these too


def _made(model: type[BaseModel], fields: dict[str, Any]) -> BaseModel:
    try:
        return model(**fields)
    except ValidationError:
        reject()


def _is_model(annotation: Any) -> bool:  # noqa: ANN401 - what a field may be of
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


@lru_cache
def older(model: type[BaseModel]) -> type[BaseModel]:
    """The model as it may have been before: without what may be missing, at any depth."""
    kept = {name: f for name, f in model.model_fields.items() if f.is_required() or _is_fixed(f)}
    return _remade(model, {name: (_with(older, f.annotation), f) for name, f in kept.items()})


@lru_cache
def newer(model: type[BaseModel]) -> type[BaseModel]:
    """The model as it may be one day: with a field more that may be missing, at any depth."""
    fields = {n: (_with(newer, f.annotation), f) for n, f in model.model_fields.items()}
    return _remade(model, fields | {LATER: (str | None, None)})


def _remade(model: type[BaseModel], fields: dict[str, Any]) -> type[BaseModel]:
    made: type[BaseModel] = create_model(model.__name__, __config__=model.model_config, **fields)
    return made


def _is_fixed(field: FieldInfo) -> bool:
    return field.default is not None and len(get_args(field.annotation)) == 1


def _with(change: Any, annotation: Any) -> Any:  # noqa: ANN401 - what a field may be of
    """The same annotation with its models changed."""
    if _is_model(annotation):
        return change(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return reduce(or_, (_with(change, each) for each in get_args(annotation)))
    if get_origin(annotation) is tuple:
        return GenericAlias(tuple, (_with(change, get_args(annotation)[0]), ...))
    return annotation


def grown(node: Any) -> Any:  # noqa: ANN401 - JSON may be anything
    """A record with a field more at any depth, as a later version may write it."""
    if isinstance(node, dict):
        return {key: grown(each) for key, each in node.items()} | {LATER: "new"}
    return [grown(each) for each in node] if isinstance(node, list) else node


def within(node: Any, whole: Any) -> bool:  # noqa: ANN401 - the same
    """Whether some JSON is the other with nothing but fields left out."""
    if isinstance(node, dict) and isinstance(whole, dict):
        return all(key in whole and within(each, whole[key]) for key, each in node.items())
    if isinstance(node, list) and isinstance(whole, list):
        return len(node) == len(whole) and all(map(within, node, whole))
    return bool(node == whole)


OTHER = UUID("ffffffff-ffff-4fff-8fff-ffffffffffff")
