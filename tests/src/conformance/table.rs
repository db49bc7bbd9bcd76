//! The observed outcomes: what the unmodified drivers answered, and how an answer is held against it.

use std::fmt;

use nix::errno::Errno;
use serde_json::{Map, Value, json};

use crate::conformance::rules;
use crate::conformance::system::{Answer, Fate, Release};

const V4_23_0: &str = include_str!("../../golden/driver-behaviour-4.23.0.jsonl");
const V5_2_0: &str = include_str!("../../golden/driver-behaviour-5.2.0.jsonl");
const V5_3_0: &str = include_str!("../../golden/driver-behaviour-5.3.0.jsonl");
const VS_4_17_0: &str = include_str!("../../golden/driver-behaviour-4.23.0-vs-4.17.0.tsv");
const VS_4_20_0: &str = include_str!("../../golden/driver-behaviour-4.23.0-vs-4.20.0.tsv");

/// The releases that were observed.
pub const OBSERVED: [Release; 5] = [
    Release::new(4, 17, 0),
    Release::new(4, 20, 0),
    Release::new(4, 23, 0),
    Release::new(5, 2, 0),
    Release::new(5, 3, 0),
];

/// Values that no program can see: how long it took, what the kernel wrote to its log.
const INVISIBLE: [&str; 4] = ["ms", "kernel", "in", "request"];

/// What a call returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ret {
    Value(i64),
    Failed(i32),
    Oops,
    Hang,
}

impl From<Answer> for Ret {
    fn from(answer: Answer) -> Self {
        answer.map_or_else(Self::Failed, Self::Value)
    }
}

impl From<Fate> for Ret {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Answered(answer) => answer.into(),
            Fate::Oops => Self::Oops,
        }
    }
}

/// One observation: what the call returned and the values that it wrote back.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) ret: Ret,
    pub(crate) out: Map<String, Value>,
}

impl Outcome {
    pub(crate) fn of(ret: impl Into<Ret>) -> Self {
        Self { ret: ret.into(), out: Map::new() }
    }

    /// The outcome with one more value.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.out.insert(key.into(), value.into());
        self
    }

    /// The return value and the errno's name, as the tables write them.
    pub(crate) fn columns(&self) -> (String, String) {
        match self.ret {
            Ret::Value(value) => (value.to_string(), String::new()),
            Ret::Failed(errno) => ("-1".into(), format!("{:?}", Errno::from_raw(errno))),
            Ret::Oops => ("oops".into(), String::new()),
            Ret::Hang => ("hang".into(), String::new()),
        }
    }

    /// The written values as one line of JSON.
    pub(crate) fn json(&self) -> String {
        Value::Object(self.out.clone()).to_string()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ret, errno) = self.columns();
        write!(f, "{ret} {errno} {}", self.json())
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self::of(answer)
    }
}

impl From<Fate> for Outcome {
    fn from(fate: Fate) -> Self {
        Self::of(fate)
    }
}

/// A row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) request: String,
    pub(crate) expected: Outcome,
    pub(crate) machine_dependent: bool,
    /// Why the row says nothing about this release.
    pub(crate) unobserved: Option<&'static str>,
}

impl Row {
    /// Whether the real driver crashed or hung here.
    pub(crate) fn harms(&self) -> bool {
        matches!(self.expected.ret, Ret::Oops | Ret::Hang)
    }

    /// Whether the case may crash, hang, suspend or remove.
    pub(crate) fn dangerous(&self) -> bool {
        self.harms() || self.case.starts_with("danger.")
    }

    /// What differs between the row and what was seen; nothing if all is as observed.
    pub(crate) fn difference(&self, seen: &Outcome) -> Option<String> {
        if seen.ret != self.expected.ret {
            let (ret, errno) = self.expected.columns();
            return Some(format!("expected {ret} {errno}").trim_end().to_owned());
        }
        self.expected.out.iter().find_map(|(key, wanted)| {
            if INVISIBLE.contains(&key.as_str()) {
                return None;
            }
            let found = seen.out.get(key);
            (found != Some(wanted)).then(|| format!("expected {key} = {wanted}"))
        })
    }
}

fn errno_of(name: &str) -> i32 {
    (1..200)
        .find(|&number| format!("{:?}", Errno::from_raw(number)) == name)
        .unwrap_or_else(|| panic!("the table names an unknown errno {name}"))
}

fn ret_of(ret: &str, errno: Option<&str>) -> Ret {
    match (ret, errno) {
        ("oops", _) => Ret::Oops,
        // A thread that never returned was recorded in two ways.
        ("hang", _) | (_, Some("NEVER_RETURNED")) => Ret::Hang,
        (_, Some(errno)) => Ret::Failed(errno_of(errno)),
        (value, None) => Ret::Value(value.parse().unwrap_or_else(|_| panic!("the table has the return value {value}"))),
    }
}

fn parse_rows(table: &str) -> Vec<Row> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    table
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let case = text(&row["case"]);
            Row {
                case: case.clone(),
                request: text(&row["request"]),
                expected: Outcome {
                    ret: ret_of(&text(&row["ret"]), row["errno"].as_str()),
                    out: row["out"].as_object().cloned().unwrap_or_default(),
                },
                machine_dependent: row["machine_dependent"] == json!(true) || rules::depends_on_machine(&case),
                unobserved: None,
            }
        })
        .collect()
}

/// An outcome as the difference tables write it: `ret=… errno=… out={…}`.
fn parse_outcome(text: &str) -> Outcome {
    let (head, out) = text.split_once(" out=").unwrap_or((text, "{}"));
    let mut words = head.split(' ');
    let ret = words.next().and_then(|word| word.strip_prefix("ret=")).unwrap_or_default();
    let errno = words.next().and_then(|word| word.strip_prefix("errno="));
    let out: Map<String, Value> = serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {text}"));
    Outcome {
        ret: ret_of(ret, errno),
        out: out.into_iter().filter_map(|(key, value)| rules::renamed(&key, value)).collect(),
    }
}

/// The rows of a difference table: case, outcome on the older release, outcome on 4.23.0.
fn parse_differences(table: &str) -> impl Iterator<Item = (&str, Outcome, Outcome)> {
    table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        Some((columns.next()?, parse_outcome(columns.next()?), parse_outcome(columns.next()?)))
    })
}

/// The rows that hold for one release, in the order of its table.
pub(crate) fn rows(release: Release) -> Vec<Row> {
    if release.major >= 5 {
        let mut rows = parse_rows(if release >= Release::new(5, 3, 0) { V5_3_0 } else { V5_2_0 });
        rows.iter_mut().for_each(|row| rules::doubt(release, row));
        return rows;
    }
    let mut rows = parse_rows(V4_23_0);
    // The difference tables also name cases that the main one does not list; their 4.23.0 column is one more row.
    for (case, _, newer) in parse_differences(VS_4_20_0).chain(parse_differences(VS_4_17_0)) {
        if !rows.iter().any(|row| row.case == case) {
            let machine_dependent = rules::depends_on_machine(case);
            let launched = case.starts_with("launch.");
            rows.push(Row {
                case: case.into(),
                request: if launched { "HAILO_VDMA_LAUNCH_TRANSFER".into() } else { String::new() },
                expected: newer,
                machine_dependent,
                unobserved: None,
            });
        }
    }
    if release >= Release::new(4, 21, 0) {
        return rows;
    }
    let differences: Vec<_> =
        parse_differences(if release < Release::new(4, 18, 0) { VS_4_17_0 } else { VS_4_20_0 }).collect();
    let mut before_crash = true;
    for row in &mut rows {
        match differences.iter().find(|(case, ..)| *case == row.case) {
            // Values that the difference does not repeat are those of the main table.
            Some((_, older, _)) => {
                row.expected.ret = older.ret;
                row.expected.out.extend(older.out.clone());
                if row.harms() {
                    row.expected.out.clear();
                }
            }
            None => rules::apply(release, row),
        }
        // 4.17 crashed in one launch, and was not asked the cases of that boot behind it.
        if !before_crash && row.case.starts_with("launch.") {
            row.unobserved = Some(rules::NOT_OBSERVED);
        }
        before_crash &= !(row.harms() && row.case.starts_with("launch."));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        assert_eq!(rows(Release::new(5, 2, 0)).len(), 406);
        assert_eq!(rows(Release::new(5, 3, 0)).len(), 406);
        // 553 and the 17 cases that only the two difference tables name.
        let named = rows(Release::new(4, 23, 0));
        assert_eq!(parse_rows(V4_23_0).len(), 553);
        assert!(named.len() > 553 && named.len() < 580, "{} rows", named.len());
    }
}
