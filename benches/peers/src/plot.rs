//! The plot: time against entries, both in decades, as an SVG that is readable on light and on dark.

use crate::{
    samples::Samples,
    table::{Row, grouped},
};
use std::fmt::Write;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 560.0;
/// Where the axes are.
const LEFT: f64 = 80.0;
const RIGHT: f64 = WIDTH - 170.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = HEIGHT - 56.0;
/// From one name to the next, at least.
const LINE: f64 = 17.0;

/// Each colour by itself, for variables are not understood everywhere.
const STYLE: &str = "
.paper { fill: #ffffff }
.grid { stroke: #d1d9e0 }
text { fill: #1f2328; font: 13px system-ui, sans-serif }
.title { font-size: 16px; font-weight: 600 }
.limit { stroke: #1f2328; fill: #1f2328; stroke-dasharray: 6 4 }
.series { fill: none; stroke-width: 2 }
.ours { stroke-width: 3 }
.lead { stroke-width: 1; opacity: 0.6 }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117 }
  .grid { stroke: #30363d }
  text { fill: #e6edf3 }
  .limit { stroke: #e6edf3; fill: #e6edf3 }
}
";

/// Ours are blue, and the others no two alike; all stand out from light and from dark.
const OURS: [&str; 3] = ["#2f81f7", "#6cb0ff", "#1f5fc4"];
const OTHERS: [&str; 7] =
    ["#e0622c", "#2a9d5c", "#a15cf0", "#c99a12", "#e0457b", "#0f9fb0", "#96683f"];

/// A line of the plot.
struct Series<'a> {
    name: &'a str,
    points: Vec<(f64, f64)>,
}

/// Draws rows whose cells are as many as the counts; the first row is the limit.
pub fn draw(title: &str, counts: &[usize], rows: &[Row]) -> Option<String> {
    let medians = rows.iter().flat_map(|row| row.cells.iter().flatten()).map(Samples::median);
    let (min, max) = medians.fold((f64::MAX, 0.0_f64), |(min, max), it| (min.min(it), max.max(it)));
    let (first, last) = (*counts.first()? as f64, *counts.last()? as f64);
    let across = Axis::new(first.log10(), last.log10(), LEFT, RIGHT);
    let up = Axis::new(min.log10().floor(), max.log10().ceil(), BOTTOM, TOP);
    let series: Vec<Series<'_>> = rows
        .iter()
        .map(|row| {
            let points = counts.iter().zip(&row.cells).filter_map(|(count, cell)| {
                let median = cell.as_ref()?.median();
                Some((across.at((*count as f64).log10()), up.at(median.log10())))
            });
            Series { name: row.name, points: points.collect() }
        })
        .filter(|series| !series.points.is_empty())
        .collect();

    let mut svg = String::new();
    let mut add = |line: String| {
        let _ = writeln!(svg, "{line}");
    };
    add(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#
    ));
    add(format!("<title>{title}</title><style>{STYLE}</style>"));
    add(format!(r#"<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6"/>"#));
    add(format!(r#"<text class="title" x="{LEFT}" y="32">{title}</text>"#));
    for decade in (min.log10().floor() as i32)..=(max.log10().ceil() as i32) {
        let y = up.at(decade.into());
        add(format!(r#"<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1}" y2="{y:.1}"/>"#));
        let (x, y, time) = (LEFT - 10.0, y + 4.0, decade_name(decade));
        add(format!(r#"<text x="{x}" y="{y:.1}" text-anchor="end">{time}</text>"#));
    }
    for count in counts {
        let x = across.at((*count as f64).log10());
        add(format!(r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{BOTTOM}"/>"#));
        let (y, count) = (BOTTOM + 22.0, grouped(*count));
        add(format!(r#"<text x="{x:.1}" y="{y}" text-anchor="middle">{count}</text>"#));
    }
    let (x, y) = ((LEFT + RIGHT) / 2.0, HEIGHT - 12.0);
    add(format!(r#"<text x="{x}" y="{y}" text-anchor="middle">entries</text>"#));
    let names = spread(&series);
    let (mut ours, mut others) = (OURS.iter().cycle(), OTHERS.iter().cycle());
    for (n, (series, name_y)) in series.iter().zip(names).enumerate() {
        let is_ours = series.name.starts_with("annul");
        let look = match n {
            0 => r#"class="limit""#.to_owned(),
            _ => {
                let colour = if is_ours { ours.next() } else { others.next() }.unwrap_or(&"#888");
                format!(r#"stroke="{colour}" fill="{colour}""#)
            }
        };
        let kind = if is_ours { "series ours" } else { "series" };
        add(drawn(series, kind, &look, name_y));
    }
    add("</svg>".to_owned());
    Some(svg)
}

/// A line, its points, and its name at `name_y`.
fn drawn(series: &Series<'_>, kind: &str, look: &str, name_y: f64) -> String {
    let path: Vec<String> = series.points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let dots =
        series.points.iter().map(|(x, y)| format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3"/>"#));
    let (x, y) = series.points[series.points.len() - 1];
    let (lead_x, text_x, text_y) = (RIGHT + 22.0, RIGHT + 28.0, name_y + 4.0);
    let (path, dots, name) = (path.join(" "), dots.collect::<String>(), series.name);
    format!(
        r#"<g {look}><polyline class="{kind}" points="{path}"/>{dots}<line class="lead" x1="{x:.1}" y1="{y:.1}" x2="{lead_x}" y2="{name_y:.1}"/><text x="{text_x}" y="{text_y:.1}" stroke="none">{name}</text></g>"#
    )
}

/// How high the names are: beside the last points, but apart.
fn spread(series: &[Series<'_>]) -> Vec<f64> {
    let ends: Vec<f64> = series.iter().map(|it| it.points[it.points.len() - 1].1).collect();
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|a, b| ends[*b].total_cmp(&ends[*a]));
    let mut heights = vec![0.0; ends.len()];
    let mut below = HEIGHT - 14.0 + LINE;
    for n in order {
        heights[n] = ends[n].min(below - LINE);
        below = heights[n];
    }
    heights
}

/// A logarithmic axis: from decades to places.
struct Axis {
    from: f64,
    start: f64,
    scale: f64,
}

impl Axis {
    fn new(from: f64, to: f64, start: f64, end: f64) -> Self {
        // One count alone is a point at the start.
        let scale = if to > from { (end - start) / (to - from) } else { 0.0 };
        Self { from, start, scale }
    }

    fn at(&self, decades: f64) -> f64 {
        self.start + (decades - self.from) * self.scale
    }
}

fn decade_name(decade: i32) -> String {
    let unit = match decade {
        ..-6 => ("ns", 9),
        -6..-3 => ("µs", 6),
        -3..0 => ("ms", 3),
        _ => ("s", 0),
    };
    format!("{} {}", grouped(10_usize.pow((decade + unit.1).max(0).unsigned_abs())), unit.0)
}
