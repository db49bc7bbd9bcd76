//! Writing and reading a control allocates nothing.

use std::hint::black_box;

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{ChipTemperature, Expected, MessageBuffer, Opcode, Request, SetContextInfo};
use hailo_tests::counting::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_control_allocates_nothing() {
    let release = FirmwareInterface::V4_21;
    let mut answer = vec![0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 0];
    answer.extend([0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0x26, 0x42, 0, 0, 0x29, 0x42, 0, 7]);
    let context = [0; 1461];
    let counted = allocations(|| {
        let mut buffer = MessageBuffer::new();
        for sequence in 0..1000 {
            let chunk = SetContextInfo { context_network_data: &context, ..Default::default() };
            Request::SetContextInfo(chunk).encode_into(release, sequence, &mut buffer).unwrap();
            black_box(&buffer);
            let (_, request) = Request::decode(release, buffer.as_slice()).unwrap();
            black_box(request);
            let expected = Expected::opcode(Opcode::GET_CHIP_TEMPERATURE);
            black_box(expected.read::<ChipTemperature>(release, &answer).unwrap());
        }
    });
    assert_eq!(counted, 0);
}
