//! What is found under a name is not trusted: every wrong thing is an error, none a signal.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;

use thalweg_ringbuf::{
    EndError, LayoutError, OpenError, RingSpec, Segment, SegmentError, SharedRing, free_bytes,
};

#[test]
fn names_are_checked_before_anything_is_touched() {
    let long = format!("/{}", "x".repeat(251));
    for name in ["", "/", "plain", "/a/b", "/.", "/..", "/a\0b", &long] {
        let refused = SegmentError::Name {
            name: name.to_string(),
        };
        assert_eq!(Segment::create(name, 4096).unwrap_err(), refused);
        assert_eq!(Segment::attach(name).unwrap_err(), refused);
        assert_eq!(Segment::unlink_name(name).unwrap_err(), refused);
    }
}

#[test]
fn a_name_that_nobody_made_is_not_found() {
    let name = Planted::name("nobody");
    let missing = SegmentError::NotFound { name: name.clone() };
    assert_eq!(Segment::attach(&name).unwrap_err(), missing);
    assert_eq!(Segment::attach_read_only(&name).unwrap_err(), missing);
    assert_eq!(Segment::unlink_name(&name).unwrap_err(), missing);
}

#[test]
fn a_name_is_made_once() {
    let spec = RingSpec::of::<u64>(10);
    let planted = Planted::ring("once", &spec);
    let refused = SharedRing::create(&planted.name, &spec).unwrap_err();
    assert_eq!(
        refused,
        OpenError::Segment(SegmentError::Exists {
            name: planted.name.clone()
        })
    );
    assert!(
        SharedRing::attach(&planted.name).is_ok(),
        "the refusal took the other's name away"
    );
}

#[test]
fn dropping_leaves_the_name_and_unlinking_leaves_the_memory() {
    let planted = Planted::ring("drop", &RingSpec::of::<u64>(10));
    let attached = SharedRing::attach(&planted.name).unwrap();
    let mut producer = attached.producer::<u64>().unwrap();
    drop(attached);
    let looking_on = SharedRing::attach_read_only(&planted.name).unwrap();
    looking_on.unlink().unwrap();
    assert!(!planted.path().exists());
    producer.push(5).unwrap();
    assert_eq!(looking_on.written(), 1);
}

#[test]
fn a_segment_open_to_others_is_refused() {
    let planted = Planted::ring("others", &RingSpec::of::<u64>(10));
    fs::set_permissions(planted.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = SegmentError::OpenToOthers {
        name: planted.name.clone(),
        found: 0o644,
    };
    assert_eq!(Segment::attach(&planted.name).unwrap_err(), refused);
    assert_eq!(
        Segment::attach_read_only(&planted.name).unwrap_err(),
        refused
    );
}

#[test]
fn a_segment_of_another_user_is_refused() {
    let planted = Planted::ring("foreign", &RingSpec::of::<u64>(10));
    if let Err(error) = chown(planted.path(), Some(65534), None) {
        println!("skipped: only root can plant another user's segment: {error}");
        return;
    }
    let refused = Segment::attach(&planted.name).unwrap_err();
    assert!(
        matches!(refused, SegmentError::Owner { found: 65534, .. }),
        "{refused}"
    );
}

#[test]
fn what_is_no_file_of_memory_is_refused_without_hanging() {
    let planted = Planted::nothing("fifo");
    let path = CString::new(planted.path().to_str().unwrap()).unwrap();
    // SAFETY: a path that ends in a zero byte.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    for refused in [
        Segment::attach(&planted.name),
        Segment::attach_read_only(&planted.name),
    ] {
        assert_eq!(
            refused.unwrap_err(),
            SegmentError::NotASegment {
                name: planted.name.clone()
            }
        );
    }
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let target = Planted::ring("target", &RingSpec::of::<u64>(10));
    let link = Planted::nothing("link");
    symlink(target.path(), link.path()).unwrap();
    let refused = Segment::attach(&link.name).unwrap_err();
    assert!(
        matches!(
            refused,
            SegmentError::System {
                call: "shm_open",
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn half_made_and_cut_off_segments_are_errors() {
    for len in [0u64, 1, 10, 4095, 4097] {
        let planted = Planted::bytes("short", &vec![0; len as usize]);
        let refused = SharedRing::attach(&planted.name).unwrap_err();
        let expected = SegmentError::Length {
            name: planted.name.clone(),
            found: len,
        };
        assert_eq!(refused, OpenError::Segment(expected));
    }
    let zeros = Planted::bytes("zeros", &[0; 8192]);
    assert_eq!(
        SharedRing::attach(&zeros.name).unwrap_err(),
        OpenError::Layout(LayoutError::HalfMade)
    );
    let ones = Planted::bytes("ones", &[0xff; 8192]);
    let refused = SharedRing::attach(&ones.name).unwrap_err();
    assert_eq!(
        refused,
        OpenError::Layout(LayoutError::Magic { found: u64::MAX })
    );
}

#[test]
fn a_segment_that_is_not_as_long_as_its_ring_is_refused() {
    let planted = Planted::ring("length", &RingSpec::of::<u64>(1000));
    let file = File::options().write(true).open(planted.path()).unwrap();
    let need = file.metadata().unwrap().len();
    file.set_len(need - 4096).unwrap();
    let refused = SharedRing::attach(&planted.name).unwrap_err();
    assert_eq!(
        refused,
        OpenError::Layout(LayoutError::TooShort {
            found: need - 4096,
            need
        })
    );
    file.set_len(need + 4096).unwrap();
    let refused = SharedRing::attach(&planted.name).unwrap_err();
    assert_eq!(
        refused,
        OpenError::Layout(LayoutError::Length {
            found: need + 4096,
            need
        })
    );
}

#[test]
fn a_length_that_no_machine_has_is_refused_and_leaves_nothing() {
    let name = Planted::name("huge");
    let refused = SharedRing::create(&name, &RingSpec::of::<u64>(1 << 40)).unwrap_err();
    let OpenError::Segment(SegmentError::NoSpace { need, have, .. }) = refused else {
        panic!("{refused}")
    };
    assert_eq!(need, (1 << 43) + 4096);
    assert!(have <= free_bytes().unwrap() + need);
    assert!(!Planted { name: name.clone() }.path().exists());
    let refused = SharedRing::create(&name, &RingSpec::of::<u64>(u64::MAX)).unwrap_err();
    assert!(
        matches!(refused, OpenError::Layout(LayoutError::TooLong { .. })),
        "{refused}"
    );
}

#[test]
fn ends_are_refused_for_another_type_and_have_one_user() {
    let ring = SharedRing::anonymous(&RingSpec::of::<f64>(10).spare_readers(1)).unwrap();
    let refused = ring.producer::<u64>().unwrap_err();
    let expected =
        "the ring carries f64 (8 bytes, aligned to 8), this end takes u64 (8 bytes, aligned to 8)";
    assert_eq!(refused.to_string(), expected);
    assert!(matches!(
        ring.frame_producer(),
        Err(EndError::ItemType { .. })
    ));
    let pid = std::process::id();
    let (producer, _consumer) = (
        ring.producer::<f64>().unwrap(),
        ring.consumer::<f64>(0).unwrap(),
    );
    assert_eq!(
        ring.producer::<f64>().unwrap_err(),
        EndError::Taken {
            end: "the producer".into(),
            pid
        }
    );
    assert_eq!(
        ring.consumer::<f64>(0).unwrap_err(),
        EndError::Taken {
            end: "reader 0".into(),
            pid
        }
    );
    for reader in [1, 2] {
        assert_eq!(
            ring.consumer::<f64>(reader).unwrap_err(),
            EndError::NoReader { reader, readers: 2 }
        );
    }
    drop(producer);
    assert!(ring.is_closed());
    assert_eq!(ring.producer::<f64>().unwrap_err(), EndError::Closed);
}

/// Something under a name in `/dev/shm`, removed at the end of the test.
struct Planted {
    name: String,
}

impl Planted {
    fn name(test: &str) -> String {
        format!("/thalweg-test-attach-{test}-{}", std::process::id())
    }

    fn nothing(test: &str) -> Self {
        Self {
            name: Self::name(test),
        }
    }

    fn ring(test: &str, spec: &RingSpec) -> Self {
        let planted = Self::nothing(test);
        SharedRing::create(&planted.name, spec).unwrap();
        planted
    }

    fn bytes(test: &str, bytes: &[u8]) -> Self {
        let planted = Self::nothing(test);
        let mut file = File::create(planted.path()).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o600))
            .unwrap();
        file.write_all(bytes).unwrap();
        planted
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/shm{}", self.name))
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        // Some tests take it away themselves.
        let _ = fs::remove_file(self.path());
    }
}
