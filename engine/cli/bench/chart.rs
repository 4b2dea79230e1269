//! The figures as bars: a panel for each group, each with an axis that begins at zero.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{cores_of, number};
use crate::bench::{Figure, Spread};
use crate::host::Host;

type Drawn = Result<(), Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: u32 = 900;
const HEAD: u32 = 60;
/// A panel's title and axis, and each of its rows.
const FRAME: u32 = 80;
const ROW: u32 = 34;
/// The length of names to the left of the axis, and of numbers to the right of the longest bar.
const NAMES: u32 = 230;
const CELL: i32 = 44;

const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const THEIRS: RGBColor = RGBColor(0xb8, 0xc4, 0xce);

/// Draws the figures into a file.
pub fn draw(path: &Path, machine: &Host, figures: &[Figure]) -> Drawn {
    let mut groups: Vec<Vec<&Figure>> = Vec::new();
    for figure in figures {
        match groups
            .iter_mut()
            .find(|group| group[0].group == figure.group)
        {
            Some(group) => group.push(figure),
            None => groups.push(vec![figure]),
        }
    }
    let height = HEAD + groups.iter().map(|group| panel_height(group)).sum::<u32>();
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, mut rest) = root.split_vertically(HEAD);
    for (nth, line) in machine.lines().lines().enumerate() {
        let at = (16, 24 + 18 * nth as i32);
        head.draw(&Text::new(line.to_owned(), at, ("sans-serif", 13)))?;
    }
    for (nth, (colour, words)) in [(OURS, "ours"), (THEIRS, "reference")].iter().enumerate() {
        let (x, y) = (WIDTH as i32 - 120, 14 + 18 * nth as i32);
        head.draw(&Rectangle::new([(x, y), (x + 12, y + 12)], colour.filled()))?;
        head.draw(&Text::new(*words, (x + 18, y), ("sans-serif", 13)))?;
    }
    for group in &groups {
        let (panel, below) = rest.split_vertically(panel_height(group));
        match group[0].group.as_str() {
            "cores" => square(&panel, group)?,
            _ => bars(&panel, group)?,
        }
        rest = below;
    }
    root.present()?;
    Ok(())
}

fn panel_height(group: &[&Figure]) -> u32 {
    match group[0].group.as_str() {
        "cores" => FRAME + CELL as u32 * (cores(group).len() as u32 + 1),
        _ => FRAME + ROW * group.len() as u32,
    }
}

/// Ours above the reference, a bar each; the line at a bar's end is where half of the samples lie.
fn bars(panel: &Area<'_>, group: &[&Figure]) -> Drawn {
    let theirs = |f: &Figure| f.reference.as_ref().map(|r| Spread::of(&r.samples));
    let highs = group.iter().flat_map(|f| [Some(f.spread()), theirs(f)]);
    let most = highs
        .flatten()
        .map(|s| s.high)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .caption(
            format!("{}, {}", group[0].group, group[0].unit),
            ("sans-serif", 15),
        )
        .margin(12)
        .x_label_area_size(24)
        .y_label_area_size(NAMES)
        .build_cartesian_2d(0.0..1.2 * most, group.len() as f64..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .light_line_style(TRANSPARENT)
        .label_style(("sans-serif", 12))
        .x_label_formatter(&|x| match *x {
            x if x.fract() == 0.0 => format!("{x:.0}"),
            x => number(x),
        })
        .draw()?;
    let (left, above) = panel.get_base_pixel();
    for (nth, figure) in group.iter().enumerate() {
        let top = nth as f64;
        let name = TextStyle::from(("sans-serif", 13)).pos(Pos::new(HPos::Right, VPos::Center));
        let (x, y) = chart.backend_coord(&(0.0, top + 0.5));
        let at = (x - left - 8, y - above);
        panel.draw(&Text::new(figure.name.clone(), at, name))?;
        bar(&mut chart, top + 0.14, figure.spread(), OURS)?;
        if let Some(reference) = theirs(figure) {
            bar(&mut chart, top + 0.5, reference, THEIRS)?;
        }
    }
    Ok(())
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn bar(chart: &mut Chart<'_, '_>, top: f64, spread: Spread, colour: RGBColor) -> Drawn {
    let (middle, height) = (spread.middle, 0.34);
    let centre = top + height / 2.0;
    let fill = Rectangle::new([(0.0, top), (middle, top + height)], colour.filled());
    let line = PathElement::new([(spread.low, centre), (spread.high, centre)], BLACK);
    let style = TextStyle::from(("sans-serif", 11)).pos(Pos::new(HPos::Left, VPos::Center));
    let text = Text::new(
        format!("  {}", number(middle)),
        (spread.high, centre),
        style,
    );
    chart.draw_series([fill])?;
    chart.draw_series([line])?;
    chart.draw_series([text])?;
    Ok(())
}

fn cores(group: &[&Figure]) -> Vec<usize> {
    let pairs = cores_of(group);
    let mut cores: Vec<usize> = pairs.iter().flat_map(|&(a, b, _)| [a, b]).collect();
    cores.sort_unstable();
    cores.dedup();
    cores
}

/// Every core to every other: the farther, the darker; nought would be white.
fn square(panel: &Area<'_>, group: &[&Figure]) -> Drawn {
    let (cores, pairs) = (cores(group), cores_of(group));
    let title = format!("cores, {}: one way", group[0].unit);
    panel.draw(&Text::new(title, (16, 16), ("sans-serif", 15)))?;
    let most = pairs
        .iter()
        .map(|&(.., ns)| ns)
        .fold(f64::MIN_POSITIVE, f64::max);
    let style = TextStyle::from(("sans-serif", 12)).pos(Pos::new(HPos::Center, VPos::Center));
    let corner = |core: usize| {
        let nth = cores.iter().position(|&c| c == core).unwrap_or(0) as i32;
        80 + CELL * nth
    };
    for &core in &cores {
        let at = corner(core) + CELL / 2;
        panel.draw(&Text::new(core.to_string(), (at, 52), style.clone()))?;
        panel.draw(&Text::new(core.to_string(), (60, at - 16), style.clone()))?;
    }
    for (a, b, ns) in pairs {
        for (across, down) in [(a, b), (b, a)] {
            let (x, y) = (corner(across), corner(down) - 16);
            let shade = OURS.mix(0.7 * ns / most).filled();
            panel.draw(&Rectangle::new(
                [(x, y), (x + CELL - 2, y + CELL - 2)],
                shade,
            ))?;
            let at = (x + CELL / 2, y + CELL / 2);
            panel.draw(&Text::new(format!("{ns:.0}"), at, style.clone()))?;
        }
    }
    Ok(())
}
