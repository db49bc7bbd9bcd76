//! `hailo model` on made-up model files, whole, truncated and damaged.
#![cfg(feature = "cli")]

#[path = "support/mod.rs"]
mod support;

use std::path::Path;

use hailo_tests::models::{artificial, real};
use support::{Ran, command, hailo, run};

fn model(file: &Path, arguments: &[&str]) -> Ran {
    run(command().arg("model").arg(file).args(arguments))
}

#[test]
fn text_and_json_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.hef");
    let mut described = 0;
    for made_up in artificial::all().iter().step_by(5) {
        std::fs::write(&file, &made_up.hef).unwrap();
        let text = model(&file, &[]);
        if text.status != 0 {
            // What the vendor's library refuses may already be refused here.
            assert!(matches!(made_up.outcome, artificial::Outcome::Refused(_)), "{}: {text:?}", made_up.name);
            text.sentence();
            continue;
        }
        let text = text.ok().stdout;
        let json = model(&file, &["--json"]).ok().json();
        assert_eq!(json["file_bytes"], made_up.hef.len());
        assert!(text.starts_with(&format!("model for {}\n", json["architecture"].as_str().unwrap())), "{text}");
        for group in json["groups"].as_array().unwrap() {
            assert!(text.contains(&format!("group     {}\n", group["name"].as_str().unwrap())), "{text}");
            assert!(text.contains(&format!("contexts  {}", group["contexts"])), "{text}");
            let rate = group["expected_fps"].as_f64().unwrap();
            assert_eq!(text.contains(&format!("expected  {rate:.1} frames per second\n")), rate > 0.0, "{text}");
            for stream in group["streams"].as_array().unwrap() {
                let shape =
                    stream["shape"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
                let (direction, name) = (stream["direction"].as_str().unwrap(), stream["name"].as_str().unwrap());
                let line = format!(
                    "{direction:<9} {name}  {shape} {} {}",
                    stream["type"].as_str().unwrap(),
                    stream["order"].as_str().unwrap()
                );
                assert!(text.contains(&line), "{line} in {text}");
            }
        }
        described += 1;
    }
    assert!(described > 10, "{described} models");
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.hef");
    let whole = artificial::all().swap_remove(0).hef;
    std::fs::write(&file, &whole[..whole.len() - 7]).unwrap();
    let sentence = model(&file, &[]).sentence();
    assert!(sentence.contains("truncated") && sentence.contains("(7 are missing)"), "{sentence}");
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &damaged).unwrap();
    let sentence = model(&file, &["--json"]).sentence();
    assert!(sentence.contains("model.hef") && sentence.contains("CRC-32"), "{sentence}");
    std::fs::write(&file, "no model at all").unwrap();
    assert!(model(&file, &[]).sentence().contains("not a model file"));
    assert!(model(&dir.path().join("none.hef"), &[]).sentence().contains("none.hef"));
}

#[test]
fn a_real_model() {
    let Some(file) = real("arcface-v1.hef") else {
        eprintln!("no real model file on this machine; not tested");
        return;
    };
    let text = model(&file, &[]).ok().stdout;
    for part in ["model for Hailo-8\n", "arcface_mobilefacenet/input_layer1  112x112x3 UINT8 NHWC", "2,506,040 bytes"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = model(&file, &["--json"]).ok().json();
    assert_eq!(json["groups"][0]["streams"][1]["name"], "arcface_mobilefacenet/fc1");
}

#[test]
fn a_file_that_cannot_be_read_is_named_once() {
    for command in ["model", "run", "bench"] {
        let sentence = hailo(&format!("{command} /nowhere/at/all.hef")).sentence();
        assert_eq!(sentence.matches("/nowhere/at/all.hef").count(), 1, "{sentence}");
        assert!(sentence.contains("No such file"), "{sentence}");
    }
    // What is in a file is wrong: its name is said, too.
    let sentence = hailo("model /dev/null").sentence();
    assert_eq!(sentence.matches("/dev/null").count(), 1, "{sentence}");
}
