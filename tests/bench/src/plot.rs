//! Plots of what was measured, as SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::report::Row;

/// Width of a plot, and of what stands on the left of its bars, in pixels.
const WIDTH: u32 = 900;
const LABELS: u32 = 330;
/// Height of a bar with its distance to the next one.
const BAR: u32 = 18;
/// What stands above and below the bars.
const MARGIN: u32 = 90;

const BLUE: RGBColor = RGBColor(46, 94, 150);
const GREY: RGBColor = RGBColor(190, 196, 204);
const DARK: RGBColor = RGBColor(60, 60, 60);

/// A bar: its label, median, least, greatest and colour.
type Bar = (String, [f64; 3], RGBColor);

/// Draws every plot that there are rows for.
pub(crate) fn draw(rows: &[Row], folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let of = |programs: &'static [&str], divisor: f64| {
        rows.iter().filter(move |row| programs.contains(&row.program.as_str())).map(move |row| (row, divisor))
    };
    let is_live = |row: &Row| row.scenario.starts_with("live");
    let packets: Vec<Bar> = of(&["forwarder"], 1.0).filter(|(row, _)| !is_live(row)).map(bar).collect();
    let decap: Vec<Bar> = of(&["decap"], 1.0).map(bar).collect();
    let live: Vec<Bar> = of(&["bare_tx", "encap_floor", "forwarder"], 1.0)
        .filter(|(row, _)| is_live(row))
        .map(|(row, divisor)| named(row, divisor))
        .collect();
    // The first installation would dwarf the rest.
    let is_small = |row: &Row| !row.scenario.starts_with("first install");
    let changes: Vec<Bar> =
        of(&["apply", "table_build"], 1e6).filter(|(row, _)| is_small(row)).map(bar).collect();
    let floor = median_of(rows.iter().filter(|row| row.program == "encap_floor" && !is_live(row)));
    for (name, title, unit, bars, line) in [
        (
            "time-per-packet.svg",
            "Forwarder: self time of a packet",
            "ns (bars: median; black: least to greatest round; red: encap floor)",
            packets,
            floor,
        ),
        (
            "decap.svg",
            "Decap program: self time of a packet",
            "ns (bars: median; black: least to greatest round; red: encap floor)",
            decap,
            floor,
        ),
        (
            "live.svg",
            "Live frames over veth: time of a packet, generator and sink included",
            "ns",
            live,
            None,
        ),
        ("changes.svg", "Table builds and changes, from request to kernel", "ms", changes, None),
    ] {
        if !bars.is_empty() {
            bars_into(&folder.join(name), title, unit, &bars, line)?;
        }
    }
    Ok(())
}

fn bar((row, divisor): (&Row, f64)) -> Bar {
    let values = [row.self_ns_median, row.self_ns_min, row.self_ns_max].map(|ns| ns / divisor);
    (row.scenario.clone(), values, BLUE)
}

fn named(row: &Row, divisor: f64) -> Bar {
    let (scenario, values, _) = bar((row, divisor));
    let colour = if row.program == "forwarder" { BLUE } else { GREY };
    (format!("{scenario}: {}", row.program), values, colour)
}

fn median_of<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<f64> {
    let mut values: Vec<f64> = rows.map(|row| row.self_ns_median).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn bars_into(path: &Path, title: &str, unit: &str, bars: &[Bar], floor: Option<f64>) -> Result<()> {
    let height = MARGIN + BAR * u32::try_from(bars.len())?;
    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    let greatest = bars.iter().map(|(_, [median, ..], _)| *median).fold(0.0, f64::max) * 1.18;
    let count = f64::from(u32::try_from(bars.len())?);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 17).into_font().color(&DARK))
        .margin(8)
        .x_label_area_size(38)
        .y_label_area_size(LABELS)
        .build_cartesian_2d(0.0..greatest, 0.0..count)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(2)
        .y_label_formatter(&|_| String::new())
        .x_desc(unit)
        .x_label_formatter(&|value| format!("{value}"))
        .light_line_style(WHITE)
        .bold_line_style(GREY.mix(0.5))
        .draw()
        .map_err(failed)?;
    for (number, (_, [median, least, most], colour)) in bars.iter().enumerate() {
        // From the top down.
        let row = count - 1.0 - f64::from(u32::try_from(number)?);
        let mut shape = Rectangle::new([(0.0, row), (*median, row + 1.0)], colour.filled());
        shape.set_margin(3, 3, 0, 0);
        chart.draw_series([shape]).map_err(failed)?;
        let (x, y) = chart.backend_coord(&(0.0, row));
        let right = chart.backend_coord(&(median.max(most.min(greatest)), row)).0;
        let middle = y - i32::try_from(BAR / 2)?;
        let [from, to] = [*least, most.min(greatest)].map(|value| chart.backend_coord(&(value, row)).0);
        area.draw(&PathElement::new([(from, middle), (to, middle)], DARK)).map_err(failed)?;
        text(&area, &bars[number].0, (x - 6, middle), HPos::Right)?;
        text(&area, &figure(*median), (right + 5, middle), HPos::Left)?;
    }
    if let Some(floor) = floor.filter(|floor| *floor < greatest) {
        let line = [(floor, 0.0), (floor, count)];
        chart.draw_series([PathElement::new(line, RGBColor(200, 60, 40).stroke_width(1))]).map_err(failed)?;
    }
    area.present().map_err(failed)
}

use plotters::style::text_anchor::{HPos, Pos, VPos};

fn text(area: &DrawingArea<SVGBackend<'_>, Shift>, text: &str, at: (i32, i32), side: HPos) -> Result<()> {
    let style = ("sans-serif", 12).into_font().color(&DARK).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
}

fn figure(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_every_scenario() {
        let folder = std::env::temp_dir().join(format!("guideway-bench-plots-{}", std::process::id()));
        let floor = Row::new("tcp4, 1 flow", "encap_floor", &[7.0, 7.1]);
        let row = Row::new("tcp4, 1 flow", "forwarder", &[20.0, 21.0, 25.0]).over(&floor);
        draw(&[floor, row, Row::new("a change", "apply", &[2e6])], &folder).expect("plots");
        let text = std::fs::read_to_string(folder.join("time-per-packet.svg")).expect("a plot");
        assert!(
            text.contains("tcp4, 1 flow") && text.contains("encap floor") && text.contains("21.0"),
            "{text}"
        );
        let text = std::fs::read_to_string(folder.join("changes.svg")).expect("a plot");
        assert!(text.contains("a change") && text.contains("2.00"), "{text}");
        std::fs::remove_dir_all(&folder).expect("remove the plots");
    }
}
