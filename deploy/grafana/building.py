"""Turns boards into what Grafana reads, with the builders of its own package for Python."""

from collections.abc import Iterator, Mapping

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.parts import ACROSS, GREEN, Board, Kind, Panel, Query, Unit

TAG = "careline"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
SHORTEST_STEP = "15s"
"""As often as Prometheus looks at a service."""
Builder = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel


def build(board: Board, runbooks: Mapping[str, str]) -> models.Dashboard:
    """Build one; `runbooks` has the address of each alert's page."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags([TAG])
        .time(board.span, "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_others())
        .annotation(_alerts(board))
        .with_variable(_source())
    )
    if board.job:
        made = made.with_variable(_instances(board.job))
    whole = made.build()
    whole.panels = list(_placed(board, runbooks))
    return whole


def _placed(board: Board, runbooks: Mapping[str, str]) -> Iterator[models.Panel | models.RowPanel]:
    """Lay panels out: the package's own layout starts anew for whoever stands at its corner."""
    y, number = 0, 0
    for row in board.rows:
        number += 1
        heading = dashboard.Row(row.title).id(number).grid_pos(_at(0, y, ACROSS, 1)).build()
        yield heading
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > ACROSS:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield _panel(panel, number, _at(x, y, panel.width, panel.height), runbooks)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def _at(x: int, y: int, width: int, height: int) -> models.GridPos:
    return models.GridPos(x=x, y=y, w=width, h=height)


def _panel(
    panel: Panel, number: int, at: models.GridPos, runbooks: Mapping[str, str]
) -> models.Panel:
    made = _of_kind(panel).id(number).grid_pos(at).title(panel.title).description(panel.about)
    made = made.datasource(SOURCE).unit(panel.unit.value).thresholds(_steps(panel)).min(0)
    if panel.kind is not Kind.LINES and not panel.steps:
        made = made.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.FIXED)
                                 .fixed_color("blue"))  # fmt: skip
    if panel.highest is not None:
        made = made.max(panel.highest)
    if panel.unit is Unit.SHARE and panel.highest is None and panel.kind is Kind.BARS:
        made = made.max(1)
    if panel.decimals is not None:
        made = made.decimals(panel.decimals)
    if panel.none:
        made = made.no_value(panel.none)
    if panel.words:
        made = made.mappings([_words(panel.words)])
    if panel.alerts:
        made = made.links([_runbook(alert, runbooks[alert]) for alert in panel.alerts])
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made = made.with_target(_target(panel, query, letter))
    return made.build()


def _target(panel: Panel, query: Query, letter: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).ref_id(letter).datasource(SOURCE)
    made = made.legend_format(query.legend or "__auto")
    match panel.kind:
        case Kind.LINES:
            return made.range().interval(SHORTEST_STEP)
        case Kind.TABLE:
            return made.instant().format(PromQueryFormat.TABLE)
        case _:
            return made.instant()


def _of_kind(panel: Panel) -> Builder:
    match panel.kind:
        case Kind.LINES:
            return _lines(panel)
        case Kind.FIGURES:
            return (
                stat.Panel()
                .color_mode(words.BigValueColorMode.BACKGROUND)
                .graph_mode(words.BigValueGraphMode.NONE)
                .reduce_options(_last())
            )
        case Kind.BARS:
            return (
                bargauge.Panel()
                .orientation(words.VizOrientation.HORIZONTAL)
                .display_mode(words.BarGaugeDisplayMode.BASIC)
                .reduce_options(_last())
            )
        case Kind.TABLE:
            return table.Panel().filterable(filterable=True)


def _lines(panel: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(words.LegendDisplayMode.TABLE)
    legend = legend.placement(words.LegendPlacement.BOTTOM).show_legend(show_legend=True)
    made = (
        timeseries.Panel()
        .legend(legend.calcs(["lastNotNull", "max"]))
        .tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI))
        .line_width(1)
        .show_points(words.VisibilityMode.NEVER)
        .span_nulls(span_nulls=False)
        .fill_opacity(40 if panel.stacked else 8)
    )
    if panel.stacked:
        made = made.stacking(common.StackingConfig().mode(words.StackingMode.NORMAL))
    if panel.lines:
        style = common.GraphThresholdsStyleConfig().mode(words.GraphThresholdsStyleMode.LINE)
        made = made.thresholds_style(style)
    return made


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(values=False)


def _steps(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = panel.steps or ((0, GREEN),)
    (_, lowest), *others = steps
    listed = [models.Threshold(value=None, color=lowest)]
    listed += [models.Threshold(value=value, color=color) for value, color in others]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(listed)


def _words(said: Mapping[int, tuple[str, str]]) -> models.ValueMap:
    return models.ValueMap(
        options={
            str(value): models.ValueMappingResult(text=text, color=color, index=index)
            for index, (value, (text, color)) in enumerate(said.items())
        }
    )


def _runbook(alert: str, address: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(f"Runbook: {alert}")
        .type(models.DashboardLinkType.LINK)
        .url(address)
        .target_blank(target_blank=True)
    )


def _others() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Boards")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .keep_time(keep_time=True)
    )


def _alerts(board: Board) -> dashboard.AnnotationQuery:
    """Marks when an alert fired; of a service's board only its own."""
    own = f',job=~"{board.job}|"' if board.job else ""
    return (
        dashboard.AnnotationQuery()
        .name("Alerts")
        .datasource(SOURCE)
        .enable(enable=True)
        .icon_color("red")
        .expr(f'ALERTS{{alertstate="firing",severity!="none"{own}}}')
    )


def _source() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _instances(job: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable("instance")
        .label("Instance")
        .datasource(SOURCE)
        .query(f'label_values(careline_ready{{job="{job}"}}, instance)')
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
    )
