//! Transforming a frame allocates nothing.

use std::hint::black_box;

use hailo_linux::transform::{
    Direction, ElementType, Format, FormatOrder, InputTransform, OutputTransform, QuantInfo, Shape, supports_orders,
    supports_types,
};
use hailo_tests::counting::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_frame_allocates_nothing() {
    let types = [ElementType::U8, ElementType::U16, ElementType::F32];
    let user_shape = Shape::new(6, 70, 11);
    // The first passes frames unchanged where orders are the same, the second pads them where they can be padded.
    let device_shapes = [user_shape, Shape::new(7, 72, 16)];
    let (mut applied, mut counted) = (0, 0);
    let orders = || FormatOrder::ALL.iter().copied();
    for (user, device, shape) in
        orders().flat_map(|u| orders().flat_map(move |d| device_shapes.map(|shape| (u, d, shape))))
    {
        for (user_kind, device_kind) in types.into_iter().flat_map(|u| types.map(|d| (u, d))) {
            let formats = (Format::new(user, user_kind, user_shape), Format::new(device, device_kind, shape));
            let quant: Vec<_> = (1..12_u8).map(|i| QuantInfo::covering(device_kind, 3.0, f32::from(i))).collect();
            for direction in [Direction::Input, Direction::Output] {
                if !supports_orders(direction, user, device) || !supports_types(direction, user_kind, device_kind) {
                    continue;
                }
                for quant in [&quant[..1], &quant] {
                    counted += match direction {
                        Direction::Input => {
                            let Ok(transform) = InputTransform::new(formats.0, formats.1, quant) else { continue };
                            let src = vec![0x3c; transform.user_size()];
                            let mut dst = vec![0; transform.device_size()];
                            allocations(|| transform.apply(black_box(&src), black_box(&mut dst)).unwrap())
                        }
                        Direction::Output => {
                            let Ok(transform) = OutputTransform::new(formats.0, formats.1, quant) else { continue };
                            let src = vec![0x3c; transform.device_size()];
                            let mut dst = vec![0; transform.user_size()];
                            allocations(|| transform.apply(black_box(&src), black_box(&mut dst)).unwrap())
                        }
                    };
                    applied += 1;
                }
            }
        }
    }
    assert_eq!((applied, counted), (550, 0));
}
