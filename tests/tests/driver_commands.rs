//! Properties of every request of every release and data model: decoding and encoding are each other's inverse, and an
//! answer changes what the driver writes and nothing else.

use std::fmt;

use hailo_abi::interface::{EncodeError, RELEASES, RequestEntry};
use hailo_abi::wire::{Access, Field, Kind};
use hailo_abi::{Command, DataModel, Interface, Operation, Request};
use proptest::prelude::*;

/// One request of one release and data model.
#[derive(Clone, Copy)]
struct Case {
    interface: &'static Interface,
    model: DataModel,
    entry: &'static RequestEntry,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}, {}", self.entry.name, self.interface, self.model.name())
    }
}

impl Case {
    fn request(&self) -> Request {
        self.entry.codec(self.model).request
    }

    fn fields(&self) -> &'static [Field] {
        self.entry.codec(self.model).layout.map_or(&[], |layout| layout.fields)
    }

    /// Whether a byte of the argument is in a field that the process writes, or that the driver does.
    fn is(&self, index: usize, of: [Access; 2]) -> bool {
        let field = self.fields().iter().find(|field| (field.offset..field.offset + field.size).contains(&index));
        of.contains(&field.and_then(|field| field.access).expect("every byte is in a field that says who writes it"))
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (_, interface) in RELEASES {
        for model in DataModel::ALL {
            cases.extend(interface.requests.iter().map(|entry| Case { interface, model, entry }));
        }
    }
    cases
}

/// A case and random bytes for its argument, twice.
fn case_with_bytes() -> impl Strategy<Value = (Case, Vec<u8>, Vec<u8>)> {
    let case = proptest::sample::select(cases());
    (case, any::<u64>(), any::<u64>()).prop_map(|(case, seed, other)| {
        let size = case.request().size();
        (case, bytes(seed, size), bytes(other, size))
    })
}

/// Bytes from a seed: zeros, small numbers and any others, each as likely. (A strategy for each byte of arguments of
/// 4 KiB would take minutes.)
fn bytes(mut seed: u64, size: usize) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32
    };
    let byte = |random: u32| match random % 3 {
        0 => 0,
        1 => (random >> 8) as u8 % 10,
        _ => (random >> 8) as u8,
    };
    (0..size).map(|_| byte(next())).collect()
}

/// Makes every `_Bool` 0 or 1: encoding gives no other byte.
fn with_plain_bools(fields: &[Field], bytes: &mut [u8]) {
    for field in fields {
        let bytes = field.of_mut(bytes).expect("the argument has every field");
        plain_bools_of(&field.kind, bytes);
    }
}

fn plain_bools_of(kind: &Kind, bytes: &mut [u8]) {
    match kind {
        Kind::Bool => bytes[0] = u8::from(bytes[0] != 0),
        Kind::Struct(layout) => with_plain_bools(layout.fields, bytes),
        Kind::Array { element, count } => {
            let size = bytes.len() / count;
            bytes.chunks_exact_mut(size).for_each(|bytes| plain_bools_of(element, bytes));
        }
        Kind::Number | Kind::Enum { .. } => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn decoding_and_encoding_are_inverse((case, mut bytes, _) in case_with_bytes()) {
        with_plain_bools(case.fields(), &mut bytes);
        let Case { interface, model, .. } = case;
        let command = interface.decode(model, case.request(), &bytes).expect("any bytes are a command");
        prop_assert_eq!(command.operation(), case.entry.operation);

        let mut dirty = vec![0xa5; bytes.len() + 1];
        let (request, encoded) = interface.encode(model, &command, &mut dirty).expect("what was decoded can be encoded");
        prop_assert_eq!(request, case.request());
        prop_assert_eq!(&interface.decode(model, request, encoded).expect("its own bytes"), &command);
        for (index, byte) in encoded.iter().enumerate() {
            let written = if case.is(index, [Access::In, Access::InOut]) { bytes[index] } else { 0 };
            prop_assert_eq!(*byte, written, "byte {} of {:?}", index, case);
        }
        prop_assert_eq!(dirty[bytes.len()], 0xa5);
    }

    #[test]
    fn an_answer_changes_what_the_driver_writes((case, answer, process) in case_with_bytes()) {
        let Case { interface, model, .. } = case;
        let reply = interface.decode_reply(model, case.request(), &answer).expect("any bytes are an answer");
        let mut bytes = process.clone();
        match interface.encode_reply(model, case.entry.operation, &reply, &mut bytes) {
            Ok(()) => {
                let again = interface.decode_reply(model, case.request(), &bytes).expect("its own bytes");
                prop_assert_eq!(again, reply);
                for (index, byte) in bytes.iter().enumerate() {
                    let changed = case.is(index, [Access::Out, Access::InOut]);
                    prop_assert!(changed || *byte == process[index], "byte {} of {:?}", index, case);
                }
            }
            // More entries than there is room for.
            Err(EncodeError::Inexpressible { operation, parameter, .. }) => prop_assert!(matches!(
                (operation, parameter),
                (Operation::InterruptsWait, "channels_count")
                    | (Operation::InterruptsReadTimestamps, "timestamps_count")
            )),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn arguments_of_another_length_are_refused((case, bytes, _) in case_with_bytes(), length in 0usize..5000) {
        let bytes: Vec<u8> = bytes.iter().copied().cycle().chain(std::iter::repeat(0)).take(length).collect();
        let Case { interface, model, .. } = case;
        let fits = bytes.len() == case.request().size();
        prop_assert_eq!(interface.decode(model, case.request(), &bytes).is_ok(), fits);
        prop_assert_eq!(interface.decode_reply(model, case.request(), &bytes).is_ok(), fits);
        let command = Command::MarkAsInUse;
        let needed = interface.request(Operation::MarkAsInUse, model).expect("every release has it").size();
        let mut room = bytes;
        prop_assert_eq!(interface.encode(model, &command, &mut room).is_ok(), length >= needed);
    }

    #[test]
    fn the_fuzz_target_holds(seed: u64, length in 0usize..400) {
        hailo_tests::fuzzing::decode_request::run(&bytes(seed, length));
    }

    #[test]
    fn unknown_codes_are_refused(code in any::<u32>(), index in 0..RELEASES.len()) {
        let (_, interface) = RELEASES[index];
        let request = Request::from_raw(code);
        for model in DataModel::ALL {
            let known = interface.requests.iter().any(|entry| entry.codec(model).request == request);
            prop_assert_eq!(interface.find(request, model).is_some(), known);
            prop_assert_eq!(interface.decode(model, request, &[]).is_ok(), known && request.size() == 0);
        }
    }
}

#[test]
fn every_request_is_found_by_code_and_by_operation() {
    for Case { interface, model, entry, .. } in cases() {
        let request = entry.codec(model).request;
        assert!(std::ptr::eq(interface.find(request, model).expect("its own code"), entry));
        assert!(std::ptr::eq(interface.entry(entry.operation).expect("its own operation"), entry));
    }
    assert_eq!(cases().len(), 982);
}

#[test]
fn every_operation_is_in_some_release() {
    for operation in Operation::ALL {
        assert!(RELEASES.iter().any(|(_, interface)| interface.entry(*operation).is_some()), "{operation:?}");
    }
}

#[test]
fn codes_with_two_meanings_are_the_two_known_ones() {
    let mut meanings = std::collections::BTreeMap::<_, std::collections::BTreeSet<_>>::new();
    for case in cases().into_iter().filter(|case| case.model == DataModel::Lp64) {
        meanings.entry(case.request()).or_default().insert(case.entry.operation);
    }
    let ambiguous: Vec<_> =
        meanings.iter().filter(|(_, operations)| operations.len() > 1).map(|(request, _)| request.raw()).collect();
    assert_eq!(ambiguous, [0x8008_760b, 0x8008_760e]);
}

#[test]
fn the_committed_corpus_holds() {
    for (_, bytes) in hailo_tests::fuzzing::corpus("decode_request") {
        hailo_tests::fuzzing::decode_request::run(&bytes);
    }
}
