//! Plans against what the vendor's library sent, byte for byte.

use hailo_abi::firmware::control::HwConsts;
use hailo_linux::hef::Hef;
use hailo_linux::network::{Options, Plan};
use hailo_tests::models::artificial::{self, Artificial, Outcome};
use hailo_tests::models::recording::Recording;
use hailo_tests::models::{self, hailo8, hex, simulation};
use md5::{Digest, Md5};

/// Plans a made-up model; the text of an error says the vendor's code.
fn plan(model: &Artificial, constants: &HwConsts) -> Result<Plan, String> {
    let hef = Hef::from_bytes(model.hef.clone()).map_err(|error| {
        let status = error.library_status().map(|status| status.to_string()).unwrap_or_default();
        format!("{status}: {error}")
    })?;
    let options = Options { batch_size: model.batch, ..Options::default() };
    let group = hef.group(None).expect("a group");
    Plan::new(&hef, group, &options, &hailo8(model.desc_max_page_size), constants)
        .map_err(|refusal| format!("{}: {refusal}", refusal.status))
}

/// Two sequences are equal, or the first difference is told.
fn same<T: PartialEq + std::fmt::Debug>(name: &str, ours: &[T], vendors: &[T]) {
    for (index, (ours, vendors)) in ours.iter().zip(vendors).enumerate() {
        assert_eq!(ours, vendors, "{name}: number {index}");
    }
    assert_eq!(ours.len(), vendors.len(), "{name}: how many");
}

#[test]
fn made_up_models_are_sent_as_the_vendor_sends_them() {
    let models = artificial::all();
    let (mut sent, mut refused, mut calls, mut contexts) = (0, 0, 0, 0);
    let constants = models
        .iter()
        .find_map(|model| match &model.outcome {
            Outcome::Sent(constants, _) => Some(*constants),
            Outcome::Refused(_) => None,
        })
        .expect("a model that was not refused");
    for model in &models {
        match &model.outcome {
            Outcome::Sent(constants, vendors) => {
                let plan = plan(model, constants).unwrap_or_else(|error| panic!("{}: {error}", model.name));
                let ours = simulation::sent(&plan);
                same(&format!("{}: calls", model.name), &ours.calls, &vendors.calls);
                assert_eq!(hex(&ours.header), hex(&vendors.header), "{}: header", model.name);
                same(&format!("{}: contexts", model.name), &ours.contexts, &vendors.contexts);
                sent += 1;
                calls += vendors.calls.len();
                contexts += vendors.contexts.len();
            }
            Outcome::Refused(code) => {
                let error = plan(model, &constants).err();
                let error = error.unwrap_or_else(|| panic!("{}: not refused, the vendor says {code}", model.name));
                assert!(error.starts_with(code), "{}: {error}, the vendor says {code}", model.name);
                refused += 1;
            }
        }
    }
    // Counted in the golden file.
    assert_eq!((sent, refused, calls, contexts), (120, 30, 3601, 532));
}

/// Compares a real model with a recording; says so where the machine does not have the model.
fn compare(file: &str, recording: &str, batch_size: u16) {
    let Some(path) = models::real(file) else {
        println!("skipped: {file} is not on this machine (HAILO_HEF_DIR)");
        return;
    };
    let recording = Recording::read(recording);
    let (_, answer) = recording.control("configure", 72);
    let hef = Hef::open(path).expect("a model");
    let group = hef.group(None).expect("a group");
    let options = Options { batch_size, ..Options::default() };
    let plan = Plan::new(&hef, group, &options, &hailo8(4096), &models::constants(&answer)).expect("a plan");
    let ours = simulation::sent(&plan);
    let vendors = recording.configuration();
    same("calls", &ours.calls, &vendors.calls);
    assert_eq!(hex(&ours.header), hex(&vendors.header));
    same("contexts", &ours.contexts, &vendors.contexts);
    assert_eq!((vendors.calls.len(), vendors.contexts.len()), (12, 4));

    let contents = simulation::contents(&plan);
    assert_eq!(contents.len(), 2);
    let live = recording.live_buffers();
    for (index, bytes) in contents.iter().enumerate() {
        assert_eq!(hex(&Md5::digest(bytes)), live[index], "buffer {index}");
    }
    let synchronised = recording.synchronised();
    assert!(synchronised.len() >= 148);
    for (buffer, offset, count, sum) in synchronised {
        assert_eq!(hex(&Md5::digest(&contents[buffer][offset..offset + count])), sum);
    }
}

#[test]
fn the_first_real_model_is_sent_as_recorded() {
    compare("arcface-v1.hef", "arcface-v1", 1);
}

#[test]
fn the_first_real_model_in_batches_is_sent_as_recorded() {
    compare("arcface-v1.hef", "arcface-v1-batch4", 4);
}

#[test]
fn the_second_real_model_is_sent_as_recorded() {
    compare("arcface-v2.hef", "arcface-v2", 1);
}
