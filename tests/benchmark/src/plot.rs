//! Draws CPU time: for each contestant, or each size, a bar for the worker and one for the database.
//!
//! In: the results. Out: SVG. Must not know: how the results were measured.

use std::fmt::Write as _;

use crate::growth::Growth;
use crate::report::{Report, worker_cpu};
use crate::run::middle;

const WIDTH: f64 = 970.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 56.0;
const ROW: f64 = 46.0;
const BAR: f64 = 15.0;

pub(crate) fn comparison(report: &Report) -> String {
    let rows: Vec<(String, [f64; 2])> = report
        .measured()
        .filter_map(|contestant| {
            let worker = middle(report.of(contestant), worker_cpu)?;
            let database = middle(report.of(contestant), |figures| {
                figures.per_thousand(|phase| phase.postgres_cpu_seconds)
            })?;
            Some((contestant.name().to_owned(), [worker, database]))
        })
        .collect();
    draw(&rows)
}

pub(crate) fn growth(growth: &Growth) -> String {
    let rows: Vec<(String, [f64; 2])> = growth.cpu().map(|(size, cpu)| (size.to_string(), cpu)).collect();
    draw(&rows)
}

/// CPU seconds per 1,000 messages.
fn draw(rows: &[(String, [f64; 2])]) -> String {
    let most = rows.iter().flat_map(|(_, cpu)| *cpu).fold(0.001, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let mut svg = String::new();
    let mut y = TOP;
    for (name, [worker, database]) in rows {
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{}" text-anchor="end">{name}</text>"#,
            LEFT - 10.0,
            y + BAR + 5.0
        );
        for (offset, seconds, colour) in [(0.0, worker, "#1f6f50"), (BAR + 2.0, database, "#9db8ad")] {
            let (top, length) = (y + offset, (seconds * scale).max(1.0));
            let _ = writeln!(
                svg,
                r#"<rect x="{LEFT}" y="{top:.1}" width="{length:.1}" height="{BAR}" fill="{colour}"/>"#
            );
            let (x, base) = (LEFT + length + 6.0, top + BAR - 3.0);
            let _ = writeln!(svg, r#"<text x="{x:.1}" y="{base:.1}">{seconds:.3}</text>"#);
        }
        y += ROW;
    }
    let title = "CPU seconds per 1,000 messages: the worker (dark), PostgreSQL (light). Less is better.";
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"30\" font-size=\"15\">{title}</text>\n{svg}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_width_and_the_others_are_in_proportion() {
        let svg = draw(&[("quick".to_owned(), [0.5, 0.1]), ("slow".to_owned(), [2.0, 0.25])]);
        let full = WIDTH - LEFT - RIGHT;
        for width in [full, full / 4.0, full / 8.0, full / 20.0] {
            assert!(svg.contains(&format!(r#"width="{width:.1}""#)), "{width} in {svg}");
        }
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    }
}
