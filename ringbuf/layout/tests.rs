use super::*;

const REGION_LEN_BYTES: usize = 3 * PAGE_LEN_BYTES;

/// 1000 u64 from position 7, two readers and one spare line: one page of header, two of data.
fn identity() -> Identity {
    let spec = RingSpec::of::<u64>(1000)
        .readers(2)
        .spare_readers(1)
        .start(7);
    Identity::of(&spec.geometry(Fencing::Symmetric).unwrap())
}

fn refused(change: impl FnOnce(&mut Identity)) -> LayoutError {
    let mut identity = identity();
    change(&mut identity);
    identity
        .sealed()
        .geometry(REGION_LEN_BYTES as u64)
        .unwrap_err()
}

fn field_refused(change: impl FnOnce(&mut Identity)) -> (&'static str, u64) {
    match refused(change) {
        LayoutError::Field { field, found, .. } => (field, found),
        other => panic!("{other}"),
    }
}

#[test]
fn a_geometry_comes_back_from_its_bytes() {
    let geometry = identity().geometry(REGION_LEN_BYTES as u64).unwrap();
    assert_eq!(
        (geometry.capacity, geometry.slots, geometry.readers),
        (1000, 1024, 3)
    );
    assert_eq!(
        (geometry.header_len_bytes, geometry.data_len_bytes),
        (4096, 8192)
    );
    assert_eq!((geometry.item_name.as_str(), geometry.start), ("u64", 7));
    assert_eq!(Identity::of(&geometry).check, identity().check);
}

#[test]
fn every_field_that_cannot_be_is_named() {
    assert_eq!(field_refused(|i| i.item_align = 0), ("item_align", 0));
    assert_eq!(field_refused(|i| i.item_align = 3), ("item_align", 3));
    assert_eq!(field_refused(|i| i.item_align = 128), ("item_align", 128));
    assert_eq!(
        field_refused(|i| i.item_len_bytes = 0),
        ("item_len_bytes", 0)
    );
    assert_eq!(
        field_refused(|i| i.item_len_bytes = 12),
        ("item_len_bytes", 12)
    );
    assert_eq!(
        field_refused(|i| i.item_len_bytes = 1 << 21),
        ("item_len_bytes", 1 << 21)
    );
    assert_eq!(field_refused(|i| i.readers = 255), ("readers", 255));
    assert_eq!(
        field_refused(|i| i.readers = 100),
        ("header_len_bytes", 4096)
    );
    assert_eq!(
        field_refused(|i| i.header_len_bytes = 0),
        ("header_len_bytes", 0)
    );
    assert_eq!(field_refused(|i| i.slots = 0), ("slots", 0));
    assert_eq!(field_refused(|i| i.slots = 1023), ("slots", 1023));
    assert_eq!(field_refused(|i| i.slots = 2048), ("data_len_bytes", 8192));
    assert_eq!(
        field_refused(|i| i.slots = 1 << 63),
        ("data_len_bytes", 8192)
    );
    assert_eq!(field_refused(|i| i.capacity = 0), ("capacity", 0));
    assert_eq!(field_refused(|i| i.capacity = 1025), ("capacity", 1025));
    assert_eq!(
        field_refused(|i| i.capacity = u64::MAX),
        ("capacity", u64::MAX)
    );
    assert_eq!(
        field_refused(|i| i.data_len_bytes = 0),
        ("data_len_bytes", 0)
    );
    assert_eq!(field_refused(|i| i.fencing = 2), ("fencing", 2));
    assert_eq!(field_refused(|i| i.zero = 1), ("reserved", 1));
    assert_eq!(field_refused(|i| i.reserved[12] = 9), ("reserved", 1));
    let small = |i: &mut Identity| {
        (
            i.item_len_bytes,
            i.item_align,
            i.slots,
            i.capacity,
            i.data_len_bytes,
        ) = (1, 1, 1024, 9, 1024)
    };
    assert_eq!(field_refused(small), ("data_len_bytes", 1024));
}

#[test]
fn versions_checksums_names_and_lengths_are_refused_as_such() {
    for found in [0, LAYOUT_VERSION + 1, u32::MAX] {
        assert_eq!(
            refused(|i| i.layout_version = found),
            LayoutError::Version { found }
        );
    }
    let mut flipped = identity();
    flipped.start ^= 1 << 40;
    let damage = flipped.geometry(REGION_LEN_BYTES as u64).unwrap_err();
    assert!(matches!(damage, LayoutError::Check { .. }), "{damage}");
    assert!(matches!(
        refused(|i| i.item_name = [0; 64]),
        LayoutError::ItemName { .. }
    ));
    assert!(matches!(
        refused(|i| i.item_name = [0xff; 64]),
        LayoutError::ItemName { .. }
    ));
    assert!(matches!(
        refused(|i| i.item_name[10] = b'x'),
        LayoutError::ItemName { .. }
    ));
    for region in [REGION_LEN_BYTES as u64 - 1, 4096, 640] {
        let short = LayoutError::TooShort {
            found: region,
            need: REGION_LEN_BYTES as u64,
        };
        assert_eq!(identity().geometry(region), Err(short));
    }
    assert!(identity().geometry(u64::MAX).is_ok());
}

#[test]
fn magics_are_told_apart() {
    let bytes = |magic: u64| {
        let mut bytes = vec![0; REGION_LEN_BYTES];
        bytes[..8].copy_from_slice(&magic.to_ne_bytes());
        bytes[8..256].copy_from_slice(bytemuck::bytes_of(&identity()));
        Geometry::of_bytes(&bytes, bytes.len())
    };
    assert!(bytes(MAGIC).is_ok());
    assert_eq!(bytes(0), Err(LayoutError::HalfMade));
    assert_eq!(bytes(MAGIC.swap_bytes()), Err(LayoutError::ByteOrder));
    assert_eq!(
        bytes(MAGIC + 1),
        Err(LayoutError::Magic { found: MAGIC + 1 })
    );
}

#[test]
fn no_bytes_make_it_panic_and_no_flipped_bit_goes_unseen() {
    let mut bytes = MAGIC.to_ne_bytes().to_vec();
    bytes.extend(bytemuck::bytes_of(&identity()));
    bytes.resize(HEADER_LEN_BYTES_MIN, 0);
    for len in 0..HEADER_LEN_BYTES_MIN {
        assert!(Geometry::of_bytes(&bytes[..len], REGION_LEN_BYTES).is_err());
    }
    for bit in 0..256 * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(
            Geometry::of_bytes(&bytes, REGION_LEN_BYTES).is_err(),
            "bit {bit}"
        );
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(Geometry::of_bytes(&bytes, REGION_LEN_BYTES).is_ok());
}

#[test]
fn specs_are_rounded_up_to_pages_and_never_beyond_what_was_asked() {
    let shape = |item_len_bytes, item_align, capacity| {
        let spec = RingSpec {
            item_len_bytes,
            item_align,
            ..RingSpec::of::<u8>(capacity)
        };
        spec.geometry(Fencing::Symmetric)
            .map(|g| (g.capacity, g.slots, g.data_len_bytes))
    };
    assert_eq!(shape(1, 1, 1), Ok((1, 4096, 4096)));
    assert_eq!(shape(8, 8, 512), Ok((512, 512, 4096)));
    assert_eq!(shape(8, 8, 513), Ok((513, 1024, 8192)));
    assert_eq!(shape(24, 8, 1), Ok((1, 512, 12288)));
    assert_eq!(shape(7, 1, 1), Ok((1, 4096, 28672)));
    assert_eq!(shape(1 << 20, 64, 1), Ok((1, 1, 1 << 20)));
    assert_eq!(shape(1 << 20, 64, 3), Ok((3, 4, 4 << 20)));
    for (item_len, align, capacity) in [
        (0, 1, 1),
        ((1 << 20) + 64, 64, 1),
        (8, 8, 0),
        (12, 8, 1),
        (8, 0, 1),
    ] {
        assert!(matches!(
            shape(item_len, align, capacity),
            Err(LayoutError::Field { .. })
        ));
    }
    let too_long = |capacity| LayoutError::TooLong {
        capacity,
        item_len_bytes: 8,
    };
    assert_eq!(shape(8, 8, u64::MAX), Err(too_long(u64::MAX)));
    assert_eq!(shape(8, 8, 1 << 61), Err(too_long(1 << 61)));
    assert!(matches!(
        shape(8, 8, 1 << 60),
        Err(LayoutError::Field {
            field: "data_len_bytes",
            ..
        })
    ));
    for name in ["", "a\0b", &"x".repeat(65)] {
        let spec = RingSpec {
            item_name: name.to_string(),
            ..RingSpec::of::<u8>(1)
        };
        assert_eq!(
            spec.geometry(Fencing::Symmetric),
            Err(LayoutError::ItemName {
                found: name.to_string()
            })
        );
    }
    let crowd = RingSpec::of::<u8>(1)
        .readers(usize::MAX)
        .spare_readers(2)
        .geometry(Fencing::Symmetric);
    assert!(matches!(
        crowd,
        Err(LayoutError::Field {
            field: "readers",
            ..
        })
    ));
}
