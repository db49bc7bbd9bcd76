//! Several networks on one emulated device.
#![cfg(feature = "emulator")]

use std::sync::Arc;
use std::time::Duration;

use hailo_abi::{Errno, Interface, Operation, Transport};
use hailo_linux::emulator::Emulator;
use hailo_linux::network::{Active, Api, Configured, Error, InputStream, Model, Options, OutputStream};
use hailo_linux::{Device, Direction, ErrorKind};
use hailo_mock::{BoardFirmware, Fault, FaultTransport, Faults, InputFrame, Machine, NetworkFunction, Pattern, Strike};
use hailo_tests::models::artificial;

const TIMEOUT: Duration = Duration::from_secs(20);

/// What the emulator's networks compute.
fn expected(active: &mut Active<'_>, input: &[u8]) -> Vec<u8> {
    let (from, to) = (active.inputs()[0].boundary().channel, active.outputs()[0].boundary().channel);
    let mut output = vec![0; active.outputs()[0].frame_size()];
    Pattern.compute(&[InputFrame { channel: from, bytes: input }], to, &mut output);
    output
}

#[test]
fn networks_take_turns() {
    let emulator = Emulator::new("mock").unwrap();
    let device = emulator.open(0).unwrap();
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    let apis = [Api::Blocking, Api::Pipelined, Api::Blocking];
    let mut networks: Vec<_> = (1..)
        .zip(apis)
        .map(|(batch_size, api)| {
            let options = Options { batch_size, api, ..Options::default() };
            device.configure(&model, &options).unwrap()
        })
        .collect();
    let indices: Vec<_> = networks.iter().map(|network| network.application_index()).collect();
    assert_eq!(indices, [0, 1, 2]);
    for round in 0..4u8 {
        for (network, api) in networks.iter_mut().zip(apis) {
            let mut active = network.activate().unwrap();
            let input = vec![round; active.inputs()[0].frame_size()];
            let expected = expected(&mut active, &input);
            let output = match api {
                Api::Blocking => {
                    let mut output = vec![0; expected.len()];
                    active.infer(&[&input], &mut [&mut output], TIMEOUT).unwrap();
                    output
                }
                Api::Pipelined => {
                    let mut frame = active.allocate_frame().unwrap();
                    frame.inputs[0].as_mut_slice().copy_from_slice(&input);
                    active.submit(frame).unwrap();
                    active.receive(TIMEOUT).unwrap().outputs[0].as_slice().to_vec()
                }
            };
            assert_eq!(output, expected, "round {round}, {api:?}");
        }
    }
    // One at a time.
    let (first, others) = networks.split_first_mut().unwrap();
    let active = first.activate().unwrap();
    assert!(matches!(others[0].activate(), Err(Error::AlreadyActive)));
    drop(active);
    others[0].activate().unwrap().deactivate().unwrap();
    drop((networks, device));
    assert!(emulator.machine().report().is_clean());
}

#[test]
fn frames_that_are_not_fetched_are_released_with_the_network() {
    let emulator = Emulator::new("mock").unwrap();
    let device = emulator.open(0).unwrap();
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    let mut network = device.configure(&model, &Options { api: Api::Pipelined, ..Options::default() }).unwrap();
    let mut active = network.activate().unwrap();
    for _ in 0..5 {
        let frame = active.allocate_frame().unwrap();
        active.submit(frame).unwrap();
    }
    let oldest = active.receive(TIMEOUT).unwrap();
    // A frame of another length comes back whole.
    let mut wrong = active.allocate_frame().unwrap();
    wrong.inputs[0] = device.allocate(1, Direction::ToDevice).unwrap();
    let refused = active.submit(wrong).unwrap_err();
    assert!(matches!(refused.error, Error::FrameLength { .. }), "{}", refused.error);
    assert_eq!(refused.frame.map(|frame| (frame.inputs.len(), frame.outputs.len())), Some((1, 1)));
    drop(active);
    drop((oldest, network, device));
    assert!(emulator.machine().report().is_clean());
}

/// A device, and the faults that strike its calls.
fn disturbed(strikes: Vec<Strike>) -> (Emulator, Device, Arc<Faults>) {
    let emulator = Emulator::new("mock").unwrap();
    let interface = Interface::of(emulator.machine().driver()).unwrap();
    let faults = Arc::new(Faults::new(interface, strikes));
    let layer = faults.clone();
    let through = move |transport| Arc::new(FaultTransport::with(transport, layer.clone())) as Arc<dyn Transport>;
    let device = emulator.open_through(0, hailo_linux::Options::default(), through).unwrap();
    (emulator, device, faults)
}

/// Runs frames one after the other, each with other bytes, also after one has failed. Says of each whether it failed, and how.
fn frames(active: &mut Active<'_>, api: Api, first: u8, timeout: Duration) -> Vec<Result<(), Error>> {
    let mut run = |number: u8| {
        let input = vec![number; active.inputs()[0].frame_size()];
        let expected = expected(active, &input);
        let output = match api {
            Api::Blocking => {
                let mut output = vec![0; expected.len()];
                active.infer(&[&input], &mut [&mut output], timeout)?;
                output
            }
            Api::Pipelined => {
                let mut frame = active.allocate_frame()?;
                frame.inputs[0].as_mut_slice().copy_from_slice(&input);
                active.submit(frame)?;
                active.receive(timeout)?.outputs[0].as_slice().to_vec()
            }
        };
        assert_eq!(output, expected, "frame {number} has the results of another one");
        Ok(())
    };
    (first..first + 5).map(&mut run).collect()
}

#[test]
fn no_frame_gets_the_results_of_another_one_after_a_failed_launch() {
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    let mut unfinished = 0;
    for api in [Api::Blocking, Api::Pipelined] {
        for launch in 1.. {
            let emulator = Emulator::new(&format!("mock:fault=launch_transfer#{launch}=ENOMEM")).unwrap();
            let device = emulator.open(0).unwrap();
            let mut network = device.configure(&model, &Options { api, ..Options::default() }).unwrap();
            let outcomes = match network.activate() {
                Ok(mut active) => frames(&mut active, api, 1, TIMEOUT),
                Err(error) => vec![Err(error)],
            };
            let Some(failed) = outcomes.iter().position(Result::is_err) else { break };
            let others = &outcomes[failed + 1..];
            assert!(others.iter().all(|outcome| matches!(outcome, Err(Error::Unfinished))), "{others:?}");
            unfinished += others.len();
            let mut active = network.activate().unwrap();
            assert!(frames(&mut active, api, 101, TIMEOUT).iter().all(Result::is_ok));
            drop(active);
            drop((network, device));
            assert!(emulator.machine().report().is_clean());
        }
    }
    assert!(unfinished > 0);
}

#[test]
fn no_frame_gets_the_results_of_another_one_after_a_timeout() {
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    // No wait reports anything, so no frame is known to be done, however fast the machine is.
    let interrupted = Strike::from(Operation::InterruptsWait, 0, Fault::Fail(Errno::EINTR));
    let (_, device, faults) = disturbed(vec![interrupted]);
    let mut network = device.configure(&model, &Options::default()).unwrap();
    let mut active = network.activate().unwrap();
    let outcomes = frames(&mut active, Api::Blocking, 1, Duration::from_millis(100));
    assert!(matches!(&outcomes[0], Err(Error::Device(error)) if matches!(error.kind(), ErrorKind::Timeout(_))));
    assert!(outcomes[1..].iter().all(|outcome| matches!(outcome, Err(Error::Unfinished))), "{outcomes:?}");
    faults.set_strikes(Vec::new());
    drop(active);
    let mut active = network.activate().unwrap();
    assert!(frames(&mut active, Api::Blocking, 101, TIMEOUT).iter().all(Result::is_ok));
}

#[test]
fn what_has_come_is_read_also_if_nothing_can_be_launched_any_more() {
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    let mut refused = 0;
    for launch in 1.. {
        let emulator = Emulator::new(&format!("mock:fault=launch_transfer#{launch}-=ECONNRESET")).unwrap();
        let device = emulator.open(0).unwrap();
        let mut network = device.configure(&model, &Options::default()).unwrap();
        let Ok(mut active) = network.activate() else { continue };
        let size = active.inputs()[0].frame_size();
        let written = (1..=3).take_while(|byte| active.inputs()[0].write(&vec![*byte; size], TIMEOUT).is_ok()).count();
        let mut output = vec![0; active.outputs()[0].frame_size()];
        for byte in 1..=written as u8 {
            let expected = expected(&mut active, &vec![byte; size]);
            active.outputs()[0].read(&mut output, TIMEOUT).unwrap();
            assert_eq!(output, expected, "launch {launch}, frame {byte}");
        }
        if written < 3 {
            continue;
        }
        // As many as can be under way were launched; then it is said why there is no other.
        let more = active.inputs()[0].write(&vec![4; size], TIMEOUT);
        if let Err(Error::Device(error)) = more {
            assert!(matches!(error.kind(), ErrorKind::Stopped { .. } | ErrorKind::NotStarted { .. }), "{error}");
            refused += 1;
        } else {
            break;
        }
    }
    assert!(refused > 0);
}

/// Activates each of some networks, and looks whether it computes what it should.
fn run_each(networks: &mut [Configured]) {
    for (number, network) in networks.iter_mut().enumerate() {
        let mut active = network.activate().unwrap();
        let outcomes = frames(&mut active, Api::Blocking, 10 * number as u8, TIMEOUT);
        assert!(outcomes.iter().all(Result::is_ok), "network {number}: {outcomes:?}");
    }
}

#[test]
fn networks_are_configured_one_at_a_time() {
    // Controls take long enough for others to come between.
    let device = Emulator::new("mock:fault=fw_control=hold:1ms").unwrap().open(0).unwrap();
    let models = [(1, 1), (2, 1), (1, 2)].map(|(inputs, outputs)| artificial::running(inputs, outputs));
    let models = models.map(|hef| Model::new(hef, None).unwrap());
    let mut networks: Vec<_> = std::thread::scope(|scope| {
        let device = &device;
        let configure = |model| scope.spawn(move || device.configure(model, &Options::default()).unwrap());
        let threads: Vec<_> = models.iter().chain(&models).map(configure).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut indices: Vec<_> = networks.iter().map(Configured::application_index).collect();
    indices.sort_unstable();
    assert_eq!(indices, [0, 1, 2, 3, 4, 5]);
    for network in &mut networks {
        let mut active = network.activate().unwrap();
        let sent =
            |stream: &InputStream| (stream.boundary().channel, vec![stream.boundary().channel; stream.frame_size()]);
        let input: Vec<_> = active.inputs().iter().map(sent).collect();
        let given: Vec<_> = input.iter().map(|(channel, bytes)| InputFrame { channel: *channel, bytes }).collect();
        let computed = |stream: &OutputStream| {
            let mut output = vec![0; stream.frame_size()];
            Pattern.compute(&given, stream.boundary().channel, &mut output);
            output
        };
        let expected: Vec<_> = active.outputs().iter().map(computed).collect();
        let mut output: Vec<_> = expected.iter().map(|output| vec![0; output.len()]).collect();
        let inputs: Vec<_> = given.iter().map(|frame| frame.bytes).collect();
        let mut outputs: Vec<_> = output.iter_mut().map(Vec::as_mut_slice).collect();
        active.infer(&inputs, &mut outputs, TIMEOUT).unwrap();
        assert_eq!(output, expected);
    }
}

#[test]
fn a_network_whose_answer_was_lost_does_not_shift_the_numbers_of_others() {
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    let mut lost = 0;
    for control in 1.. {
        // Carried out, but a signal has ended the call.
        let strike = Strike::once(Operation::FwControl, control, Fault::FailAfter(Errno::EINTR));
        let (emulator, device, faults) = disturbed(vec![strike]);
        let mut networks = Vec::new();
        let mut refused = false;
        for _ in 0..3 {
            match device.configure(&model, &Options::default()) {
                Ok(network) => networks.push(network),
                Err(Error::CountLost) => refused = true,
                Err(Error::Device(error)) => assert_eq!(error.kind(), &ErrorKind::Interrupted),
                Err(error) => panic!("{error}"),
            }
        }
        if faults.struck() == 0 {
            // All that configuring sends was tried.
            break;
        }
        run_each(&mut networks);
        if refused {
            lost += 1;
            drop(networks);
            networks = vec![device.configure(&model, &Options::default()).unwrap()];
            run_each(&mut networks);
        }
        drop((networks, device));
        assert!(emulator.machine().report().is_clean());
    }
    assert!(lost > 0, "no header was lost while another network was there");
}

#[test]
fn a_signal_does_not_keep_a_network_from_being_stopped() {
    let (emulator, device, faults) = disturbed(Vec::new());
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    let mut network = device.configure(&model, &Options::default()).unwrap();
    for fault in [Fault::Fail(Errno::EINTR), Fault::FailAfter(Errno::EINTR)] {
        let active = network.activate().unwrap();
        let next = faults.calls()[&Some(Operation::FwControl)];
        faults.set_strikes(vec![Strike::once(Operation::FwControl, next, fault)]);
        active.deactivate().unwrap();
        assert_eq!(faults.struck(), 1);
    }
    run_each(std::slice::from_mut(&mut network));
    drop((network, device));
    assert!(emulator.machine().report().is_clean());
}

/// Gives each output the first byte of the input.
#[derive(Debug)]
struct First;

impl NetworkFunction for First {
    fn compute(&self, inputs: &[InputFrame<'_>], _: u8, output: &mut [u8]) {
        output.fill(inputs[0].bytes[0]);
    }
}

#[test]
fn what_networks_compute_outlives_a_suspension() {
    let machine = Machine::builder().firmware(|_| BoardFirmware::default().computing(First)).build().unwrap();
    let emulator = Emulator::with_machine(machine, "mock");
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    for byte in [3, 4] {
        let device = emulator.open(0).unwrap();
        let mut network = device.configure(&model, &Options::default()).unwrap();
        let mut active = network.activate().unwrap();
        let input = vec![byte; active.inputs()[0].frame_size()];
        let mut output = vec![0; active.outputs()[0].frame_size()];
        active.infer(&[&input], &mut [&mut output], TIMEOUT).unwrap();
        assert!(output.iter().all(|other| *other == byte));
        emulator.machine().suspend_resume();
    }
}

#[test]
fn as_many_networks_as_the_firmware_takes_are_configured_and_then_anew() {
    let device = Emulator::new("mock").unwrap().open(0).unwrap();
    let model = Model::new(artificial::running(1, 1), None).unwrap();
    let mut most = None;
    for _ in 0..3 {
        let mut networks = Vec::new();
        let limit = loop {
            match device.configure(&model, &Options::default()) {
                Ok(network) => networks.push(network),
                Err(Error::TooMany { limit }) => break limit,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(networks.len(), limit);
        assert_eq!(*most.get_or_insert(limit), limit);
        // One less is not enough: the firmware forgets all of them, or none.
        networks.pop();
        assert!(matches!(device.configure(&model, &Options::default()), Err(Error::TooMany { .. })));
    }
}
