//! `hailo run` and `hailo bench` on the emulator, with made-up models, and with a real one where there is one.
#![cfg(all(feature = "cli", feature = "emulator"))]

#[path = "support/pty.rs"]
mod pty;
#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use hailo_linux::hef::Hef;
use hailo_linux::npy::Array;
use hailo_linux::transform::{ElementType, FormatOrder, InputTransform};
use hailo_tests::models::artificial::{Outcome, all};
use hailo_tests::models::real;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pty::Terminal;
use serde_json::Value;
use support::{Ran, command, run};

struct Models {
    dir: tempfile::TempDir,
}

impl Models {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Small made-up models whose streams have plain forms, with this many inputs.
    fn some(&self, inputs: usize, count: usize) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for made_up in all() {
            let hef = Hef::from_bytes(made_up.hef.clone());
            let (Ok(hef), Outcome::Sent(..)) = (hef, &made_up.outcome) else { continue };
            let model = hailo_linux::network::Model::new(hef, None).unwrap();
            let plain = model.inputs().all(|layer| {
                let tensor = &layer.tensor;
                let kind = tensor.kind;
                layer.transfer_size < 100_000
                    && InputTransform::new(tensor.user_format(kind), tensor.device_format(), &tensor.quantization)
                        .is_ok()
            });
            let small = model.outputs().all(|layer| layer.transfer_size < 100_000 && layer.mux.is_none());
            if plain && small && model.inputs().count() == inputs {
                let path = self.path(&format!("{}.hef", made_up.name));
                std::fs::write(&path, &made_up.hef).unwrap();
                found.push(path);
                if found.len() == count {
                    return found;
                }
            }
        }
        panic!("only {} models with {inputs} inputs", found.len());
    }
}

fn hailo_run(model: &Path, arguments: &[&str]) -> Ran {
    run(command().arg("run").arg(model).args(["--device", "mock"]).args(arguments))
}

fn outputs(json: &Value) -> Vec<PathBuf> {
    json["outputs"].as_array().unwrap().iter().map(|output| output["file"].as_str().unwrap().into()).collect()
}

#[test]
fn both_ways_of_giving_frames_bring_the_same() {
    let models = Models::new();
    for model in models.some(1, 4) {
        let mut results = Vec::new();
        for api in ["blocking", "pipelined"] {
            let dir = models.path(api);
            let dir = dir.to_str().unwrap();
            let json = hailo_run(&model, &["--frames", "7", "--api", api, "--output", dir, "--json"]).ok().json();
            assert_eq!((&json["frames"], &json["api"]), (&7.into(), &api.into()));
            assert!(
                json["frames_per_second"].as_f64().unwrap() > 0.0 && json["latency_us"]["p99"].as_f64().unwrap() > 0.0
            );
            let files: Vec<Array> = outputs(&json).iter().map(|file| Array::read(file).unwrap()).collect();
            for (file, output) in files.iter().zip(json["outputs"].as_array().unwrap()) {
                let shape: Vec<usize> =
                    output["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect();
                assert_eq!(file.shape(), [&[7], &shape[..]].concat());
                // The same frame seven times.
                let size = file.data().len() / 7;
                assert!(file.data().chunks(size).all(|frame| frame == &file.data()[..size]));
            }
            results.push(files);
        }
        assert_eq!(results[0], results[1], "{}", model.display());
    }
}

#[test]
fn text_says_what_json_says() {
    let models = Models::new();
    let model = &models.some(1, 1)[0];
    let text = hailo_run(model, &["--frames", "5"]).ok().stdout;
    let json = hailo_run(model, &["--frames", "5", "--json"]).ok().json();
    for part in [
        format!("group {}", json["group"].as_str().unwrap()),
        "Device       mock, blocking, batch 1, configured in ".into(),
        "Frames       5 in ".into(),
        "Latency      mean ".into(),
        format!("Bytes        {} to the device, {} from it", json["bytes_to_device"], json["bytes_from_device"]),
    ] {
        assert!(text.contains(&part), "{part:?} in\n{text}");
    }
    for output in json["outputs"].as_array().unwrap() {
        let shape = output["shape"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        let line = format!(
            "Output       {}: {shape} {}\n",
            output["name"].as_str().unwrap(),
            output["type"].as_str().unwrap()
        );
        assert!(text.contains(&line), "{line:?} in\n{text}");
    }
}

#[test]
fn inputs_from_files() {
    let models = Models::new();
    let model = models.some(1, 1).remove(0);
    let hef = hailo_linux::network::Model::load(&model).unwrap();
    let layer = hef.inputs().next().unwrap();
    let format = layer.tensor.user_format(layer.tensor.kind);
    let shape = [format.shape.height, format.shape.width, format.shape.features];
    let size: usize = shape.iter().product::<usize>() * layer.tensor.kind.size();
    // Two frames, as bytes and as an array.
    let bytes: Vec<u8> = (0..2 * size).map(|index| (index * 7 % 253) as u8).collect();
    let (raw, npy) = (models.path("in.raw"), models.path("in.npy"));
    std::fs::write(&raw, &bytes).unwrap();
    Array::new(layer.tensor.kind, [&[2], &shape[..]].concat(), bytes.clone()).unwrap().write(&npy).unwrap();
    let mut results = Vec::new();
    for (name, file) in
        [("raw", raw.to_str().unwrap().to_owned()), ("npy", format!("{}={}", layer.tensor.name, npy.display()))]
    {
        let dir = models.path(&format!("from-{name}"));
        let json =
            hailo_run(&model, &["--input", &file, "--output", dir.to_str().unwrap(), "--format", "raw", "--json"]);
        let json = json.ok().json();
        // As many frames as the file has.
        assert_eq!(json["frames"], 2);
        results.push(outputs(&json).iter().map(|file| std::fs::read(file).unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(results[0], results[1]);
    let differ = |results: &Vec<u8>| results[..results.len() / 2] != results[results.len() / 2..];
    assert!(results[0].iter().any(differ), "other frames have other results");
    // More frames than the file has: it is repeated.
    let dir = models.path("repeated");
    let repeated = hailo_run(
        &model,
        &[
            "--input",
            raw.to_str().unwrap(),
            "--frames",
            "4",
            "--output",
            dir.to_str().unwrap(),
            "--format",
            "raw",
            "--json",
        ],
    );
    for (file, two) in outputs(&repeated.ok().json()).iter().zip(&results[0]) {
        assert_eq!(std::fs::read(file).unwrap(), [two.as_slice(), two].concat());
    }
    // What does not fit is said with numbers.
    std::fs::write(&raw, &bytes[1..]).unwrap();
    let sentence = hailo_run(&model, &["--input", raw.to_str().unwrap()]).sentence();
    assert!(
        sentence.contains(&layer.tensor.name) && sentence.contains(&format!("frames of {size} bytes")),
        "{sentence}"
    );
    assert!(sentence.contains("in.raw"), "{sentence}");
    std::fs::write(&raw, []).unwrap();
    let sentence = hailo_run(&model, &["--input", raw.to_str().unwrap()]).sentence();
    assert!(sentence.contains("no frame") && sentence.contains("in.raw"), "{sentence}");
    let sentence = hailo_run(&model, &["--input", &format!("another={}", raw.display())]).sentence();
    assert!(sentence.contains("another=") && sentence.contains(&layer.tensor.name), "{sentence}");
    let folder = models.dir.path().to_str().unwrap();
    assert!(hailo_run(&model, &["--input", folder]).sentence().contains("directory"));
    let wrong = models.path("wrong.npy");
    Array::new(ElementType::U8, vec![3, 5], vec![0; 15]).unwrap().write(&wrong).unwrap();
    let sentence = hailo_run(&model, &["--input", wrong.to_str().unwrap()]).sentence();
    assert!(sentence.contains("[3, 5]") && sentence.contains("wrong.npy"), "{sentence}");
    assert!(hailo_run(&model, &["--input", "/nowhere.raw"]).sentence().contains("/nowhere.raw"));
}

#[test]
fn frames_without_a_transform_are_those_of_the_device() {
    let models = Models::new();
    let (layer, hef) = all()
        .into_iter()
        .find_map(|made_up| {
            let model = hailo_linux::network::Model::new(Hef::from_bytes(made_up.hef.clone()).ok()?, None).ok()?;
            let padded = model.inputs().find(|layer| {
                let tensor = &layer.tensor;
                tensor.order == FormatOrder::Nhw && tensor.kind == ElementType::U8 && tensor.shape != tensor.hw_shape
            });
            let layer = padded.filter(|layer| layer.transfer_size < 10_000)?.clone();
            Some((layer, made_up.hef))
        })
        .unwrap();
    let name = &layer.tensor.name;
    let model = models.path("padded.hef");
    std::fs::write(&model, hef).unwrap();
    hailo_run(&model, &["--frames", "2"]).ok();
    let shape = layer.tensor.hw_shape;
    let dimensions = vec![3, shape.height, shape.width, shape.features];
    let count = dimensions.iter().product();
    let npy = models.path("padded.npy");
    Array::new(ElementType::U8, dimensions, vec![1; count]).unwrap().write(&npy).unwrap();
    let report = hailo_run(&model, &["--input", &format!("{name}={}", npy.display()), "--json"]).ok().json();
    assert_eq!(report["frames"], 3);
    // Of another form it is not known how it would have to be padded.
    let sentence = hailo_run(&model, &["--type", "float32"]).sentence();
    assert!(sentence.contains(name) && sentence.contains("not supported"), "{sentence}");
    let raw = models.path("short.raw");
    std::fs::write(&raw, [1]).unwrap();
    let sentence = hailo_run(&model, &["--input", &format!("{name}={}", raw.display())]).sentence();
    assert!(sentence.contains("as the device has them"), "{sentence}");
}

#[test]
fn several_inputs_are_named() {
    let models = Models::new();
    let model = models.some(2, 1).remove(0);
    hailo_run(&model, &["--frames", "3"]).ok();
    let sentence = hailo_run(&model, &["--input", "frames.raw"]).sentence();
    for layer in hailo_linux::network::Model::load(&model).unwrap().inputs() {
        assert!(sentence.contains(&layer.tensor.name), "{sentence}");
    }
}

#[test]
fn options_that_change_what_is_sent() {
    let models = Models::new();
    let model = models.some(1, 1).remove(0);
    for options in [
        &["--batch", "4"][..],
        &["--power-mode", "ultra"],
        &["--page-size", "256"],
        &["--api", "pipelined", "--batch", "2"],
    ] {
        let json = hailo_run(&model, &[options, &["--frames", "9", "--json"]].concat()).ok().json();
        assert_eq!(json["frames"], 9);
    }
    for wrong in [&["--batch", "64"][..], &["--page-size", "100"], &["--frames", "0"]] {
        assert_eq!(hailo_run(&model, wrong).status, 2, "{wrong:?}");
    }
    let group = hailo_run(&model, &["--group", "other"]).sentence();
    assert!(group.contains("other"), "{group}");
    assert!(hailo_run(Path::new("/nowhere.hef"), &[]).sentence().contains("/nowhere.hef"));
}

#[test]
fn bench_measures_throughput_and_latency() {
    let models = Models::new();
    let model = models.some(1, 1).remove(0);
    let bench = |json: &[&str]| {
        run(command().arg("bench").arg(&model).args(["--device", "mock", "--duration", "0.2"]).args(json))
    };
    let json = bench(&["--json"]).ok().json();
    for part in ["throughput", "latency"] {
        let part = &json[part];
        assert!(part["frames"].as_u64().unwrap() > 0 && part["seconds"].as_f64().unwrap() >= 0.2, "{part}");
        let latency = &part["latency_us"];
        let value = |key: &str| latency[key].as_f64().unwrap();
        assert!(
            value("min") <= value("p50") && value("p50") <= value("p90") && value("p90") <= value("p99"),
            "{latency}"
        );
        assert!(
            value("p99") <= value("max") && value("min") <= value("mean") && value("mean") <= value("max"),
            "{latency}"
        );
    }
    assert!(json["throughput"]["depth"].as_u64().unwrap() > 1);
    let text = bench(&[]).ok().stdout;
    assert!(
        text.contains("Throughput   ") && text.contains("Latency      mean ") && text.contains("configured in"),
        "{text}"
    );
}

#[test]
fn a_bar_is_drawn_on_a_terminal() {
    let models = Models::new();
    let model = models.some(1, 1).remove(0);
    let mut run = command();
    run.arg("run").arg(&model).args(["--device", "mock", "--frames", "2000"]);
    let (status, text) = Terminal::run(&mut run, 100, 24).finish();
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("/2000 frames") && text.contains("µs each") && text.contains("Frames       2000"), "{text}");
}

#[test]
fn a_real_model() {
    let Some(model) = real("arcface-v1.hef") else {
        eprintln!("no real model file on this machine; not tested");
        return;
    };
    let json = hailo_run(&model, &["--frames", "20", "--json"]).ok().json();
    assert_eq!((&json["frames"], &json["bytes_to_device"]), (&20.into(), &(20 * 37_632).into()));
    let dir = tempfile::tempdir().unwrap();
    let file = |kind: &str| {
        let dir = dir.path().join(kind);
        let ran = hailo_run(&model, &["--frames", "2", "--type", kind, "--output", dir.to_str().unwrap(), "--json"]);
        Array::read(&outputs(&ran.ok().json())[0]).unwrap()
    };
    let (bytes, floats) = (file("uint8"), file("float32"));
    assert_eq!((bytes.shape(), floats.shape()), (&[2, 1, 1, 512][..], &[2, 1, 1, 512][..]));
    // The model's own quantisation of the output.
    for (byte, float) in bytes.data().iter().zip(floats.data().chunks_exact(4)) {
        let float = f32::from_le_bytes(float.try_into().unwrap());
        let expected = (f32::from(*byte) - 144.0) * 0.016_738_918;
        assert!((float - expected).abs() < 1e-5, "{byte} became {float}, not {expected}");
    }
}

#[test]
fn an_interrupted_run_stops_the_network() {
    let models = Models::new();
    let model = models.some(1, 1).remove(0);
    let cases =
        [("blocking", Signal::SIGINT, 130), ("pipelined", Signal::SIGINT, 130), ("pipelined", Signal::SIGTERM, 143)];
    for (api, signal, expected) in cases {
        let mut run = command();
        run.arg("run").arg(&model).args(["--device", "mock", "--frames", "1000000000", "--api", api]);
        let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The thread that waits for interrupts is there once the network is active.
        let tasks = PathBuf::from(format!("/proc/{}/task", child.id()));
        let is_active = || {
            let names = std::fs::read_dir(&tasks).into_iter().flatten().flatten();
            let mut names = names.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
            names.any(|name| name.starts_with("hailo-interrupt"))
        };
        while !is_active() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // Not before the signals are caught, which is right behind.
        while !caught(child.id(), signal) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{stderr}");
        assert!(output.stdout.is_empty() && stderr.contains("interrupted after "), "{stderr}");
    }
}

/// Whether a process catches a signal.
fn caught(process: u32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask >> (signal as i32 - 1) & 1 != 0)
}

#[test]
fn results_that_cannot_be_written_are_named() {
    let models = Models::new();
    let model = models.some(1, 1).remove(0);
    // A file where the directory should be, which not even root can write into.
    let file = models.path("file");
    std::fs::write(&file, []).unwrap();
    let inside = file.join("results");
    let sentence = hailo_run(&model, &["--frames", "1", "--output", inside.to_str().unwrap()]).sentence();
    assert!(sentence.contains(inside.to_str().unwrap()), "{sentence}");
}
