//! vDMA descriptors: every part is where it belongs, and setting one leaves the others alone.

use hailo_abi::descriptor::{ADDRESS_ALIGNMENT, Control, Descriptor, MAX_PAGE_SIZE, Status};
use hailo_abi::enums::{DmaType, InterruptsDomain};
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

#[test]
fn the_words_are_those_of_the_hardware() {
    let mut descriptor = Descriptor::new(512, 0x0011_2233_4455_6640, 0x15);
    descriptor.set_control(Control::STATUS_ON_ERROR);
    descriptor.set_result(12, Status::DONE | Status::ERROR);
    let words = [512 << 8 | 2, 0x4455_6640 | 0x15, 0x0011_2233, 12 << 8 | 3].map(u32::to_le_bytes);
    assert_eq!(descriptor.as_bytes(), words.concat());
}

#[test]
fn interrupts_go_where_the_board_wants_them() {
    let bits = |domain, dma_type| Control::interrupts(domain, dma_type).bits();
    let both = InterruptsDomain::from_raw(3);
    for (dma_type, device, host) in [(DmaType::PCIE, 0x1c, 0x2c), (DmaType::DRAM, 0x2c, 0x1c)] {
        assert_eq!(bits(InterruptsDomain::NONE, dma_type), 0);
        assert_eq!(bits(InterruptsDomain::DEVICE, dma_type), device);
        assert_eq!(bits(InterruptsDomain::HOST, dma_type), host);
        assert_eq!(bits(both, dma_type), 0x3c);
    }
}

proptest! {
    #[test]
    fn parts_are_independent(bytes: [u8; 16], page_size in 0..=MAX_PAGE_SIZE, address: u64, control: u8, rest in 0..=MAX_PAGE_SIZE) {
        let before = Descriptor::read_from_bytes(&bytes).expect("16 bytes");
        let aligned = address & !(ADDRESS_ALIGNMENT - 1);
        let mut after = before;
        after.set_page_size(page_size);
        prop_assert_eq!((after.page_size(), after.control()), (page_size, before.control()));
        after.set_control(Control::from_bits_retain(control));
        prop_assert_eq!((after.page_size(), after.control().bits()), (page_size, control));
        after.set_address(address);
        prop_assert_eq!((after.address(), after.data_id()), (aligned, before.data_id()));
        prop_assert_eq!((after.remaining_page_size(), after.status()), (before.remaining_page_size(), before.status()));
        after.set_result(rest, Status::DONE);
        prop_assert_eq!((after.remaining_page_size(), after.status()), (rest, Status::DONE));
        let made = Descriptor::new(page_size, address, before.data_id());
        prop_assert_eq!((made.page_size(), made.address(), made.data_id()), (page_size, aligned, before.data_id()));
        prop_assert_eq!((made.control(), made.status(), made.remaining_page_size()), (Control::empty(), Status::empty(), 0));
    }
}
