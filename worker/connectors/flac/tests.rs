use super::*;
use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, source};
use crate::connectors::npy::NPY_READ;
use crate::op::Value;
use crate::testing::{Chunks, run};

fn expected(name: &str) -> Vec<u8> {
    let items = source(&NPY_READ, &golden(), name, None, &[]).unwrap();
    read(items, Chunks::Whole).unwrap()
}

#[test]
fn flac_files_are_read_as_libsndfile_reads_them() {
    for (name, dtype, rate) in [("i16", "i16", 8000.0), ("i24", "f32", 44_100.0)] {
        for chunks in CUTS {
            let file = format!("{name}.flac");
            let flac = source(&FLAC_READ, &golden(), &file, Some(dtype), &[]).unwrap();
            assert_eq!(flac.outputs[0].rate, Some(rate));
            let found = read(flac, chunks).unwrap();
            assert!(
                found == expected(&format!("flac_{name}.npy")),
                "{name} {chunks:?}"
            );
        }
    }
}

#[test]
fn vorbis_is_read_as_libvorbis_reads_it() {
    let expected = expected("ogg_tone.npy");
    let expected: &[f32] = bytemuck::cast_slice(&expected);
    let whole = source(&OGG_READ, &golden(), "tone.ogg", None, &[]).unwrap();
    assert_eq!(whole.outputs[0].item_type.to_string(), "f32[2]");
    let whole = read(whole, Chunks::Whole).unwrap();
    let found: &[f32] = bytemuck::cast_slice(&whole);
    assert_eq!(found.len(), expected.len());
    for (n, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() < 1e-5,
            "sample {n}: {found} {expected}"
        );
    }
    for chunks in CUTS {
        let ogg = source(&OGG_READ, &golden(), "tone.ogg", None, &[]).unwrap();
        assert!(read(ogg, chunks).unwrap() == whole, "{chunks:?}");
    }
}

#[test]
fn a_successor_goes_on_at_any_committed_frame() {
    for (op, file) in [(&FLAC_READ, "i16.flac"), (&OGG_READ, "tone.ogg")] {
        let from = |given: u64| {
            let mut reader = source(op, &golden(), file, None, &[]).unwrap();
            reader.state = StateSpec::of(given);
            read(reader, Chunks::Random(given)).unwrap()
        };
        let whole = from(0);
        let item_len = source(op, &golden(), file, None, &[]).unwrap().outputs[0]
            .item_type
            .len_bytes();
        let frames = (whole.len() / item_len) as u64;
        for given in (1..=frames).step_by(501).chain([frames - 1, frames]) {
            let rest = &whole[given as usize * item_len..];
            assert!(from(given) == rest, "{file} from frame {given}");
        }
    }
}

#[test]
fn one_channel_is_picked_and_integers_are_kept() {
    let both = source(&FLAC_READ, &golden(), "i24.flac", Some("i32"), &[]).unwrap();
    let both = read(both, Chunks::Whole).unwrap();
    let second = [("channel", Value::from(1))];
    let second = source(&FLAC_READ, &golden(), "i24.flac", Some("i32"), &second).unwrap();
    let expected: Vec<u8> = both.chunks(8).flat_map(|f| f[4..].to_vec()).collect();
    assert_eq!(read(second, Chunks::Single).unwrap(), expected);
    assert_eq!(both[..8], bytes(&[i32::MIN, 0x7fff_ff00]));
}

#[test]
fn other_files_are_refused_by_what_they_are() {
    let refused = |op, file| source(op, &golden(), file, None, &[]).unwrap_err().message;
    assert!(refused(&FLAC_READ, "tone.ogg").contains("is no FLAC file: it is"));
    assert!(refused(&OGG_READ, "i16.flac").contains("is no Ogg Vorbis file: it is"));
    assert!(refused(&OGG_READ, "opus.ogg").contains("holds no Ogg Vorbis sound"));
    assert!(refused(&FLAC_READ, "i16.wav").contains("is no FLAC file that can be read"));
}

#[test]
fn a_vorbis_file_of_more_than_two_channels_is_refused() {
    for chosen in [&[][..], &[("channel", Value::from(1))]] {
        let refused = source(&OGG_READ, &golden(), "surround.ogg", None, chosen).unwrap_err();
        let message = &refused.message;
        assert!(
            message
                .contains("surround.ogg has 6 channels: of Ogg Vorbis files one or two are read"),
            "{message}"
        );
        assert!(refused.help.unwrap().contains("ffmpeg -i "));
    }
}

#[test]
fn a_file_cut_short_is_an_error_after_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (op, file) in [(&FLAC_READ, "i16.flac"), (&OGG_READ, "tone.ogg")] {
        let whole = std::fs::read(golden().join(file)).unwrap();
        for len in cuts(whole.len()) {
            std::fs::write(folder.path().join("cut"), &whole[..len]).unwrap();
            let outcome = source(op, folder.path(), "cut", None, &[])
                .map_err(|e| e.message)
                .and_then(|cut| read(cut, Chunks::Whole).map_err(|e| e.message));
            // An Ogg file says how long it is on its last page: a cut between pages is not seen.
            let is_seen = outcome.is_err() || file == "tone.ogg";
            assert!(is_seen, "{file} cut at {len}");
        }
    }
}

/// Files with some bytes changed: read to an end or refused, never a panic, and FLAC never read wrong.
#[test]
fn a_damaged_file_is_refused_and_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = crate::testing::Random::new(20_261_122);
    for (op, file) in [(&FLAC_READ, "i16.flac"), (&OGG_READ, "tone.ogg")] {
        let whole = std::fs::read(golden().join(file)).unwrap();
        let sound = read(
            source(op, &golden(), file, None, &[]).unwrap(),
            Chunks::Whole,
        );
        let sound = sound.unwrap();
        for _ in 0..60 {
            let mut damaged = whole.clone();
            let reach = [200, whole.len() as u64][random.below(2) as usize];
            let at = random.below(reach) as usize;
            damaged[at] ^= 1 << random.below(8);
            std::fs::write(folder.path().join("bad"), &damaged).unwrap();
            let Ok(bad) = source(op, folder.path(), "bad", None, &[]) else {
                continue;
            };
            let is_same_type = bad.outputs[0].item_type == ITEMS_OF_I16 && file == "i16.flac";
            let found = run(bad, &[], Chunks::Whole, usize::MAX);
            if let Ok(found) = found
                && is_same_type
                && at > FLAC_HEADER_LEN
            {
                assert!(found[0] == sound, "{file}, byte {at}");
            }
        }
    }
}

const ITEMS_OF_I16: crate::types::ItemType = crate::types::ItemType::F32;

/// The header has no checksum.
const FLAC_HEADER_LEN: usize = 42;

#[test]
fn a_damaged_block_is_told_from_a_file_that_was_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(golden().join("i16.flac")).unwrap();
    let message = |bytes: &[u8]| {
        std::fs::write(folder.path().join("x.flac"), bytes).unwrap();
        let reader = source(&FLAC_READ, folder.path(), "x.flac", None, &[]).unwrap();
        read(reader, Chunks::Whole).unwrap_err().message
    };
    let mut damaged = whole.clone();
    let at = damaged.len() - 20;
    damaged[at] ^= 4;
    let found = message(&damaged);
    assert!(found.contains("x.flac is damaged at frame "), "{found}");
    assert!(
        found.contains("has a wrong checksum or is cut short"),
        "{found}"
    );
    // The header's count of frames, low byte, is at 25 of the file.
    let mut promising = whole.clone();
    promising[25] = promising[25].wrapping_add(1);
    let found = message(&promising);
    assert!(
        found.contains("that it promises: it was cut short"),
        "{found}"
    );
    let found = message(&[&whole[..], &[0xff, 0xf8, 1]].concat());
    assert!(found.contains("is damaged"), "{found}");
    // Not told how many there are, a last block that is damaged is not left out.
    damaged[21] &= 0xf0;
    damaged[22..26].fill(0);
    let found = message(&damaged);
    assert!(found.contains("is damaged at frame "), "{found}");
}

#[test]
fn a_tag_in_front_and_no_count_of_frames_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(golden().join("i16.flac")).unwrap();
    let sound = expected("flac_i16.npy");
    let check = |bytes: &[u8]| {
        std::fs::write(folder.path().join("x.flac"), bytes).unwrap();
        for chunks in CUTS {
            let reader = source(&FLAC_READ, folder.path(), "x.flac", Some("i16"), &[]).unwrap();
            assert!(read(reader, chunks).unwrap() == sound, "{chunks:?}");
        }
    };
    let mut streamed = whole.clone();
    streamed[21] &= 0xf0;
    streamed[22..26].fill(0);
    check(&streamed);
    let tag = [&b"ID3\x04\0\0\0\0\x02\x05"[..], &[7; 261]].concat();
    check(&[&tag, &whole[..]].concat());
}

#[test]
fn tags_behind_the_sound_do_no_harm_and_hide_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(golden().join("i16.flac")).unwrap();
    let sound = expected("flac_i16.npy");
    let id3 = [&b"TAG"[..], &[b'x'; 125]].concat();
    let mut ape = [
        &b"APETAGEX"[..],
        &2000u32.to_le_bytes(),
        &52u32.to_le_bytes(),
        &[0; 16],
    ]
    .concat();
    let header = [&ape[..23], &[0xa0], &ape[24..]].concat();
    ape[23] = 0x80;
    let ape = [&header, &[7; 20][..], &ape].concat();
    for tags in [&id3[..], &ape, &[&ape[..], &id3].concat()] {
        let read_with = |sound: &[u8]| {
            std::fs::write(folder.path().join("x.flac"), [sound, tags].concat()).unwrap();
            let reader = source(&FLAC_READ, folder.path(), "x.flac", Some("i16"), &[]).unwrap();
            read(reader, Chunks::Random(1))
        };
        assert!(read_with(&whole).unwrap() == sound, "{} bytes", tags.len());
        let mut damaged = whole.clone();
        let at = damaged.len() - 20;
        damaged[at] ^= 4;
        let message = read_with(&damaged).unwrap_err().message;
        assert!(message.contains("x.flac is damaged at frame "), "{message}");
    }
}

#[test]
fn a_second_sound_behind_the_first_is_told_not_called_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(golden().join("blip.ogg")).unwrap();
    let twice = [&whole[..], &whole[..]].concat();
    std::fs::write(folder.path().join("twice.ogg"), &twice).unwrap();
    let reader = source(&OGG_READ, folder.path(), "twice.ogg", None, &[]).unwrap();
    let message = read(reader, Chunks::Whole).unwrap_err().message;
    assert!(
        message.contains("twice.ogg has another sound behind frame "),
        "{message}"
    );
}
