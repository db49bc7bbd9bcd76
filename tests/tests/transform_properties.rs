//! The host-side transforms for shapes, parameters and numbers of which there is no recording.

use hailo_linux::transform::{
    Direction, ElementType, Format, FormatOrder, FrameSizeError, InputTransform, OutputTransform, QuantInfo, Shape,
    Side, TransformError, supports_orders, supports_types,
};
use hailo_tests::fuzzing::{self, transform::Case, transform::check};
use hailo_tests::golden::Table;
use proptest::prelude::*;

const TYPES: [ElementType; 3] = [ElementType::U8, ElementType::U16, ElementType::F32];

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Input), Just(Direction::Output)]
}

/// Shapes of a user: mostly small, sometimes with more features than are converted at once.
fn shape() -> impl Strategy<Value = Shape> {
    let small = (1..6_usize, 1..70_usize, 1..40_usize);
    let deep = (1..3_usize, 1..5_usize, 1000..2200_usize);
    let one = (1..4_usize, 1..40_usize, 1..5_usize);
    prop_oneof![4 => small, 1 => deep, 4 => one].prop_map(|(h, w, f)| Shape::new(h, w, f))
}

fn quant(kind: ElementType) -> impl Strategy<Value = QuantInfo> {
    let covering = (0.0..200.0_f32, 1e-3..10.0_f32).prop_map(move |(z, s)| QuantInfo::covering(kind, z, s));
    let limited = (0.0..200.0_f32, 1e-3..10.0_f32, -300.0..300.0_f32, 0.0..3000.0_f32)
        .prop_map(|(zero_point, scale, min, more)| QuantInfo { zero_point, scale, min, max: min + more });
    prop_oneof![Just(QuantInfo::IDENTITY), covering, limited]
}

/// Pairs of orders and types that are supported, with shapes that go together, and parameters.
fn case() -> impl Strategy<Value = Case> {
    let orders = direction().prop_flat_map(|direction| {
        let all = FormatOrder::ALL.iter().flat_map(|u| FormatOrder::ALL.iter().map(|d| (*u, *d)));
        let pairs: Vec<_> = all.filter(|(u, d)| supports_orders(direction, *u, *d)).collect();
        let all = TYPES.into_iter().flat_map(|u| TYPES.map(|d| (u, d)));
        let types: Vec<_> = all.filter(|(u, d)| supports_types(direction, *u, *d)).collect();
        (Just(direction), prop::sample::select(pairs), prop::sample::select(types))
    });
    (orders, shape(), (0..3_usize, 0..9_usize, 0..9_usize), any::<[bool; 3]>()).prop_flat_map(
        |((direction, (user, device), (user_kind, device_kind)), shape, more, [equal, transposed, each])| {
            let index = (user, device) == (FormatOrder::Nchw, FormatOrder::Nhw);
            let shape = if index { Shape { features: 1, ..shape } } else { shape };
            let mut full = Shape::new(shape.height + more.0, shape.width + more.1, shape.features + more.2);
            if equal {
                full = shape;
            }
            if device == FormatOrder::F8cr {
                full.features = full.features.next_multiple_of(8);
            }
            let given = if transposed { Shape::new(shape.width, shape.height, shape.features) } else { shape };
            let user = Format::new(user, user_kind, given).with_transposed(transposed);
            let device = Format::new(device, device_kind, full);
            let sets = if each && direction == Direction::Output { shape.features } else { 1 };
            prop::collection::vec(quant(device_kind), sets).prop_map(move |quant| Case {
                direction,
                user,
                device,
                quant,
            })
        },
    )
}

/// Numbers as they come, and bit patterns that are rare.
fn numbers() -> impl Strategy<Value = Vec<f32>> {
    let number = prop_oneof![
        4 => -300.0..600.0_f32,
        1 => (-600..1200_i32).prop_map(|halves| halves as f32 / 2.0),
        1 => any::<f32>(),
        1 => any::<u32>().prop_map(f32::from_bits),
        1 => -9e6..9e6_f32,
    ];
    prop::collection::vec(number, 1..200)
}

fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn numbers_of(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn results_are_those_of_the_formulas(case in case(), numbers in numbers()) {
        match check(&case, &bytes_of(&numbers)) {
            Ok(()) => {}
            // Not every pair of orders goes with padding, transposition or parameters per feature.
            Err(TransformError::Shapes { .. }) => prop_assert_ne!(case.user.shape, case.device.shape),
            Err(TransformError::Transposed { .. }) => prop_assert!(case.user.transposed),
            Err(TransformError::PerFeature { .. }) => prop_assert!(case.quant.len() > 1),
            Err(TransformError::Quant { info, .. }) => {
                prop_assert!(info.scale <= 0.0 || !info.scale.is_finite(), "{}", info);
            }
            Err(other) => prop_assert!(false, "{other} ({case:?})"),
        }
    }

    #[test]
    fn any_bytes_make_a_transform_or_an_error(data in prop::collection::vec(any::<u8>(), 0..80)) {
        fuzzing::transform::run(&data);
    }
}

proptest! {
    #[test]
    fn dequantising_undoes_quantising(
        kind in prop::sample::select(vec![ElementType::U8, ElementType::U16]),
        zero_point in 0..256_u16,
        scale in 1e-4..100.0_f32,
        places in prop::collection::vec(0.0..1.0_f32, 1..200),
    ) {
        let info = QuantInfo::covering(kind, zero_point.into(), scale);
        let numbers: Vec<f32> = places.iter().map(|p| info.min + p * (info.max - info.min)).collect();
        let shape = Shape::new(1, 1, numbers.len());
        let user = Format::new(FormatOrder::Nc, ElementType::F32, shape);
        let device = Format::new(FormatOrder::Nc, kind, shape);
        let there = InputTransform::new(user, device, &[info]).unwrap();
        let back = OutputTransform::new(user, device, &[info]).unwrap();
        let mut quantised = vec![0; there.device_size()];
        there.apply(&bytes_of(&numbers), &mut quantised).unwrap();
        let mut again = vec![0; back.user_size()];
        back.apply(&quantised, &mut again).unwrap();
        for (before, after) in numbers.iter().zip(numbers_of(&again)) {
            // Half a step, and what the four roundings on the way may add.
            let allowed = f64::from(scale) / 2.0 + 4.0 * f64::from(f32::EPSILON) * f64::from(info.max - info.min);
            prop_assert!((f64::from(*before) - f64::from(after)).abs() <= allowed, "{before} {after} {info}");
        }
    }

    #[test]
    fn integers_survive_the_way_to_numbers_and_back(
        kind in prop::sample::select(vec![ElementType::U8, ElementType::U16]),
        zero_point in 0..256_u16,
        scale in 1e-4..100.0_f32,
        data in prop::collection::vec(any::<u8>(), 2..400),
    ) {
        let info = QuantInfo::covering(kind, zero_point.into(), scale);
        let shape = Shape::new(1, 1, data.len() / 2);
        let user = Format::new(FormatOrder::Nc, ElementType::F32, shape);
        let device = Format::new(FormatOrder::Nc, kind, shape);
        let back = OutputTransform::new(user, device, &[info]).unwrap();
        let there = InputTransform::new(user, device, &[info]).unwrap();
        let mut integers = data;
        integers.truncate(shape.features * kind.size());
        integers.resize(back.device_size(), 0);
        let mut numbers = vec![0; back.user_size()];
        back.apply(&integers, &mut numbers).unwrap();
        let mut again = vec![1; there.device_size()];
        there.apply(&numbers, &mut again).unwrap();
        prop_assert_eq!(again, integers);
    }
}

#[test]
fn the_committed_corpus_passes() {
    for (_, bytes) in fuzzing::corpus("transform") {
        fuzzing::transform::run(&bytes);
    }
}

#[test]
fn buffers_of_other_sizes_are_refused_with_both_sizes() {
    let format = Format::new(FormatOrder::Nhwc, ElementType::U8, Shape::new(2, 3, 3));
    let input = InputTransform::new(format, format, &[]).unwrap();
    assert_eq!((input.user_size(), input.device_size()), (18, 24));
    let error = input.apply(&[0; 17], &mut [0; 24]).unwrap_err();
    assert_eq!(error, FrameSizeError { side: Side::User, expected: 18, actual: 17 });
    assert_eq!(error.to_string(), "the user buffer has 17 bytes, a frame has 18");
    let error = input.apply(&[0; 18], &mut [0; 18]).unwrap_err();
    assert_eq!(error, FrameSizeError { side: Side::Device, expected: 24, actual: 18 });
    let output = OutputTransform::new(format, format, &[]).unwrap();
    let error = output.apply(&[0; 23], &mut [0; 18]).unwrap_err();
    assert_eq!(error, FrameSizeError { side: Side::Device, expected: 24, actual: 23 });
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let make = |user: Shape, device: Shape| {
        let format = |shape| Format::new(FormatOrder::Nhwc, ElementType::U16, shape);
        InputTransform::new(format(user), format(device), &[]).map(drop)
    };
    let good = Shape::new(2, 2, 2);
    for bad in [Shape::new(0, 2, 2), Shape::new(2, 0, 2), Shape::new(2, 2, 0)] {
        assert_eq!(make(bad, good), Err(TransformError::Empty { side: Side::User, shape: bad }));
        assert_eq!(make(good, bad), Err(TransformError::Empty { side: Side::Device, shape: bad }));
    }
    for bad in [Shape::new(usize::MAX, 2, 2), Shape::new(1, usize::MAX / 2, 1), Shape::new(1, 1, usize::MAX / 4 + 1)] {
        assert!(matches!(make(bad, good), Err(TransformError::TooLarge { side: Side::User, .. })));
        assert!(matches!(make(good, bad), Err(TransformError::TooLarge { side: Side::Device, .. })));
    }
    assert!(matches!(make(Shape::new(2, 3, 2), good), Err(TransformError::Shapes { .. })));
    let odd = Format::new(FormatOrder::F8cr, ElementType::U8, Shape::new(2, 2, 12));
    let user = Format::new(FormatOrder::Nhwc, ElementType::U8, Shape::new(2, 2, 12));
    let refused = InputTransform::new(user, odd, &[]).unwrap_err().to_string();
    assert!(refused.contains("multiple of eight"), "{refused}");
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let shape = Shape::new(2, 2, 3);
    let user = Format::new(FormatOrder::Nhwc, ElementType::F32, shape);
    let device = Format::new(FormatOrder::Nhwc, ElementType::U8, shape);
    let good = QuantInfo::covering(ElementType::U8, 3.0, 0.5);
    let input = |quant: &[QuantInfo]| InputTransform::new(user, device, quant).map(drop);
    let output = |quant: &[QuantInfo]| OutputTransform::new(user, device, quant).map(drop);
    for count in [0, 2, 4] {
        let expected = Err(TransformError::QuantCount { given: count, features: 3 });
        assert_eq!((input(&vec![good; count]), output(&vec![good; count])), (expected.clone(), expected));
    }
    assert_eq!((input(&[good; 3]), output(&[good; 3])), (Ok(()), Ok(())));
    let other = QuantInfo { scale: 0.25, ..good };
    assert_eq!(output(&[good, other, good]), Ok(()));
    let refused = TransformError::PerFeature { direction: Direction::Input, order: FormatOrder::Nhwc };
    assert_eq!(input(&[good, other, good]), Err(refused));
    let bad = |info| [good, info, good];
    for scale in [f32::NAN, f32::INFINITY] {
        let quant = bad(QuantInfo { scale, ..good });
        assert!(matches!(input(&quant), Err(TransformError::Quant { index: 1, .. })));
        assert!(matches!(output(&quant), Err(TransformError::Quant { index: 1, .. })));
    }
    for scale in [0.0, -1.0] {
        let quant = bad(QuantInfo { scale, ..good });
        assert!(matches!(input(&quant), Err(TransformError::Quant { index: 1, .. })));
        assert_eq!(output(&quant), Ok(()));
    }
    let crossed = QuantInfo { min: 1.0, max: 0.0, ..good };
    assert!(matches!(input(&[crossed]), Err(TransformError::Quant { index: 0, .. })));
    assert_eq!(output(&[crossed]), Ok(()));
    // They do not count where nothing is converted.
    let same = Format::new(FormatOrder::Nhwc, ElementType::U8, shape);
    assert!(InputTransform::new(same, device, &[]).is_ok());
}

#[test]
fn the_numbers_of_orders_are_those_of_model_files() {
    let table = Table::read("hef-enums.tsv");
    let rows = table.rows().iter().filter(|row| row.get("enum") == "ProtoHEFFormatOrder");
    let mut compared = 0;
    for row in rows {
        let name = row.get("name").strip_prefix("PROTO__FORMAT__ORDER__").expect("the common prefix");
        let number = row.number("value").try_into().expect("a number");
        let expected = if matches!(name, "AUTO" | "MAX_ENUM") { None } else { FormatOrder::from_name(name) };
        assert_eq!(FormatOrder::from_hef(number), expected, "{name}");
        assert_eq!(expected.is_none(), matches!(name, "AUTO" | "MAX_ENUM"), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 18);
}
