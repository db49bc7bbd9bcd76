//! Every observed case of the real driver, on the emulator of that release, in this process.

use hailo_tests::conformance::{DriverRelease, OBSERVED, Options, Summary, names, run};

fn run_some(release: DriverRelease, filter: Option<&str>) -> (Summary, String) {
    let options = Options { release: Some(release), filter: filter.map(str::to_owned), ..Options::default() };
    let mut output = Vec::new();
    let summary = run(&options, &mut output).unwrap();
    (summary, String::from_utf8(output).unwrap())
}

/// All cases pass, none is without code, and as many pass as the table has rows that say something of this release.
fn check(major: u32, minor: u32, revision: u32, at_least: usize) {
    let release = DriverRelease::new(major, minor, revision);
    let (summary, output) = run_some(release, None);
    assert_eq!(summary.missing, Vec::<String>::new(), "cases without code");
    let rows = names(release, None).len();
    assert_eq!(summary.passed + summary.failed + summary.skipped, rows);
    assert_eq!(output.lines().last(), Some(summary.to_string().as_str()));
    for line in output.lines().take(rows) {
        assert_eq!(line.split('\t').count(), 5, "{line}");
    }
    // Some cases tell how long a call took. One that fails is run once more by itself, since this machine may have been
    // busy with other tests.
    for failure in &summary.failures {
        let (case, _) = failure.split_once(':').unwrap();
        let (again, _) = run_some(release, Some(case));
        assert_eq!(again.failures, Vec::<String>::new(), "failed twice; the first time: {failure}");
    }
    assert!(summary.passed + summary.failures.len() >= at_least, "{summary}:\n{output}");
}

#[test]
fn release_4_17_0() {
    check(4, 17, 0, 480);
}

#[test]
fn release_4_20_0() {
    check(4, 20, 0, 535);
}

#[test]
fn release_4_23_0() {
    check(4, 23, 0, 560);
}

#[test]
fn release_5_2_0() {
    check(5, 2, 0, 400);
}

#[test]
fn release_5_3_0() {
    check(5, 3, 0, 400);
}

#[test]
fn a_release_that_nobody_observed_is_refused() {
    let options = Options { release: Some(DriverRelease::new(4, 19, 0)), ..Options::default() };
    let error = run(&options, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("4.19.0") && error.contains("4.23.0"), "{error}");
}

#[test]
fn a_file_that_is_no_device_is_refused() {
    let options = Options { device: Some("/dev/null".into()), ..Options::default() };
    let error = run(&options, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("/dev/null"), "{error}");
}

#[test]
fn a_filter_chooses_cases() {
    let release = OBSERVED[2];
    let (summary, output) = run_some(release, Some("sync."));
    let chosen = names(release, Some("sync."));
    assert_eq!(summary.passed, chosen.len());
    for name in chosen {
        assert_eq!(output.lines().filter(|line| line.starts_with(&format!("{name}\t"))).count(), 1);
    }
}
