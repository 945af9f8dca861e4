//! Evaluates the chart's alerts over invented series, as Prometheus does with a scrape every 30 s.
//!
//! promtool does this, but no registry of this project has it. This is the part of the language that the alerts use. `increase`
//! is not extrapolated: it is what the samples show, which is never more than Prometheus's estimate by much.

use std::collections::BTreeMap;
use std::time::Duration;

use promql_parser::parser::{self, Expr, LabelModifier, Offset, VectorSelector};
use serde_json::Value;

/// Seconds between two scrapes and two evaluations.
const STEP: f64 = 30.0;
/// How old the newest sample of a series may be.
const LOOKBACK: f64 = 300.0;

type Labels = BTreeMap<String, String>;
type Vector = Vec<(Labels, f64)>;

/// A series: its labels, and its value at a second, if it has one.
pub(crate) struct Series {
    labels: Labels,
    value: Box<dyn Fn(f64) -> Option<f64>>,
}

impl Series {
    /// A series of one pod.
    pub(crate) fn new(
        name: &str,
        labels: &[(&str, &str)],
        value: impl Fn(f64) -> Option<f64> + 'static,
    ) -> Self {
        let mut all: Labels =
            [("__name__", name), ("namespace", "fleet"), ("pod", "a"), ("unit", "sso-sync")]
                .map(owned)
                .into();
        all.extend(labels.iter().copied().map(owned));
        Self { labels: all, value: Box::new(value) }
    }

    fn samples(&self, from: f64, to: f64) -> Vec<f64> {
        let first = (from / STEP).floor().max(-1.0) + 1.0;
        let scrapes = (0..).map(|scrape| (first + f64::from(scrape)) * STEP);
        scrapes.take_while(|at| *at <= to).filter_map(|at| (self.value)(at)).collect()
    }
}

fn owned((label, value): (&str, &str)) -> (String, String) {
    (label.to_owned(), value.to_owned())
}

/// The second at which an alert begins to fire between two hours, if it does.
pub(crate) fn fires(rule: &Value, series: &[Series], from: f64, to: f64) -> Option<f64> {
    let query = parser::parse(rule["expr"].as_str().unwrap()).unwrap();
    let wait = rule["for"]
        .as_str()
        .map_or(Duration::ZERO, |text| promql_parser::util::parse_duration(text).unwrap());
    let mut since = None;
    let mut at = from * 3600.0;
    while at <= to * 3600.0 {
        since = if evaluate(&query, series, at).is_empty() { None } else { since.or(Some(at)) };
        if since.is_some_and(|since| at - since >= wait.as_secs_f64()) {
            return Some(at);
        }
        at += STEP;
    }
    None
}

fn evaluate(query: &Expr, series: &[Series], at: f64) -> Vector {
    match query {
        Expr::Paren(inner) => evaluate(&inner.expr, series, at),
        Expr::NumberLiteral(number) => vec![(Labels::new(), number.val)],
        Expr::VectorSelector(selector) => selected(selector, series)
            .filter_map(|one| {
                let at = at - offset(selector);
                one.samples(at - LOOKBACK, at).last().map(|value| (one.labels.clone(), *value))
            })
            .collect(),
        Expr::Call(call) => {
            if call.func.name == "histogram_quantile" {
                let rank = evaluate(&call.args.args[0], series, at)[0].1;
                return quantiles(rank, evaluate(&call.args.args[1], series, at));
            }
            let Expr::MatrixSelector(matrix) = &*call.args.args[0] else { panic!("{query}") };
            let range = matrix.range.as_secs_f64();
            selected(&matrix.vs, series)
                .filter_map(|one| {
                    let samples = one.samples(at - range, at);
                    let rise = || (samples.len() > 1).then(|| samples[samples.len() - 1] - samples[0]);
                    let value = match call.func.name {
                        "increase" => rise(),
                        "rate" => rise().map(|rise| rise / range),
                        "max_over_time" => samples.iter().copied().reduce(f64::max),
                        other => panic!("{other}"),
                    };
                    value.map(|value| (without_name(&one.labels), value))
                })
                .collect()
        }
        Expr::Aggregate(aggregate) => {
            let kept: Vec<String> = match &aggregate.modifier {
                Some(LabelModifier::Include(labels)) => labels.labels.clone(),
                None => Vec::new(),
                Some(LabelModifier::Exclude(_)) => panic!("{query}"),
            };
            let combine = match aggregate.op.to_string().as_str() {
                "sum" => |a: f64, b: f64| a + b,
                "max" => f64::max,
                "min" => f64::min,
                other => panic!("{other}"),
            };
            let mut groups: BTreeMap<Labels, f64> = BTreeMap::new();
            for (mut labels, value) in evaluate(&aggregate.expr, series, at) {
                labels.retain(|label, _| kept.contains(label));
                groups.entry(labels).and_modify(|all| *all = combine(*all, value)).or_insert(value);
            }
            groups.into_iter().collect()
        }
        Expr::Binary(binary) => {
            let mut left = evaluate(&binary.lhs, series, at);
            let right = evaluate(&binary.rhs, series, at);
            let in_right =
                |labels: &Labels| right.iter().any(|(other, _)| without_name(other) == without_name(labels));
            match binary.op.to_string().as_str() {
                ">" => left.retain(|(_, value)| *value > right[0].1),
                "<" => left.retain(|(_, value)| *value < right[0].1),
                "unless" => left.retain(|(labels, _)| !in_right(labels)),
                "or" => {
                    let own: Vec<Labels> = left.iter().map(|(labels, _)| without_name(labels)).collect();
                    left.extend(right.into_iter().filter(|(labels, _)| !own.contains(&without_name(labels))));
                }
                other => panic!("{other}"),
            }
            left
        }
        other => panic!("{other}"),
    }
}

fn selected<'a>(selector: &'a VectorSelector, series: &'a [Series]) -> impl Iterator<Item = &'a Series> {
    series.iter().filter(|one| {
        let of = |label: &str| one.labels.get(label).map_or("", String::as_str);
        selector.name.as_deref().is_none_or(|name| of("__name__") == name)
            && selector.matchers.matchers.iter().all(|matcher| matcher.is_match(of(&matcher.name)))
    })
}

fn offset(selector: &VectorSelector) -> f64 {
    match &selector.offset {
        Some(Offset::Pos(offset)) => offset.as_secs_f64(),
        None => 0.0,
        Some(Offset::Neg(_)) => panic!("{selector}"),
    }
}

fn without_name(labels: &Labels) -> Labels {
    labels
        .iter()
        .filter(|(label, _)| *label != "__name__")
        .map(|(label, value)| (label.clone(), value.clone()))
        .collect()
}

/// The upper bound of the bucket in which the quantile is; Prometheus guesses a value within it.
fn quantiles(rank: f64, buckets: Vector) -> Vector {
    let mut histograms: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (mut labels, count) in buckets {
        let bound = labels.remove("le").unwrap().parse().unwrap();
        histograms.entry(labels).or_default().push((bound, count));
    }
    let quantile = |mut buckets: Vec<(f64, f64)>| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all = buckets.last()?.1;
        buckets.iter().find(|(_, count)| all > 0.0 && *count >= rank * all).map(|(bound, _)| *bound)
    };
    histograms.into_iter().filter_map(|(labels, buckets)| Some((labels, quantile(buckets)?))).collect()
}
