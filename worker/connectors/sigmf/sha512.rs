//! SHA-512, which tells whether the samples of a SigMF recording are those that were recorded (FIPS 180-4, section 6.4).

use std::io::{self, Read};

/// The hash of all that there is to read, as lowercase hexadecimal digits.
///
/// # Errors
/// What reading fails with.
pub(super) fn sha512(mut file: impl Read) -> io::Result<String> {
    let mut hash = BEGIN;
    let mut chunk = vec![0; BLOCK * 512];
    let mut len_bytes = 0u128;
    loop {
        let filled = fill(&mut file, &mut chunk)?;
        len_bytes += filled as u128;
        let (blocks, rest) = chunk[..filled].as_chunks::<BLOCK>();
        blocks.iter().for_each(|block| absorb(&mut hash, block));
        if filled < chunk.len() {
            // A bit, zeros, and the length in bits fill the last block, or two.
            let mut end = rest.to_vec();
            end.push(0x80);
            end.resize((end.len() + 16).next_multiple_of(BLOCK) - 16, 0);
            end.extend_from_slice(&(8 * len_bytes).to_be_bytes());
            let (blocks, _) = end.as_chunks::<BLOCK>();
            blocks.iter().for_each(|block| absorb(&mut hash, block));
            return Ok(hash.iter().map(|word| format!("{word:016x}")).collect());
        }
    }
}

const BLOCK: usize = 128;

/// Reads until the slice is full or the file ends.
fn fill(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn absorb(hash: &mut [u64; 8], block: &[u8; BLOCK]) {
    let (words, _) = block.as_chunks::<8>();
    let mut w = [0u64; 80];
    for (w, word) in w.iter_mut().zip(words) {
        *w = u64::from_be_bytes(*word);
    }
    for t in 16..80 {
        let (near, far) = (w[t - 2], w[t - 15]);
        let near = near.rotate_right(19) ^ near.rotate_right(61) ^ (near >> 6);
        let far = far.rotate_right(1) ^ far.rotate_right(8) ^ (far >> 7);
        w[t] = near
            .wrapping_add(w[t - 7])
            .wrapping_add(far)
            .wrapping_add(w[t - 16]);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *hash;
    for (k, w) in ROUNDS.iter().zip(w) {
        let turned = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
        let one = h
            .wrapping_add(turned)
            .wrapping_add((e & f) ^ (!e & g))
            .wrapping_add(*k)
            .wrapping_add(w);
        let turned = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
        let two = turned.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e) = (g, f, e, d.wrapping_add(one));
        (d, c, b, a) = (c, b, a, one.wrapping_add(two));
    }
    for (sum, word) in hash.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *sum = sum.wrapping_add(word);
    }
}

/// The fractional parts of the square roots of the first 8 primes.
const BEGIN: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The fractional parts of the cube roots of the first 80 primes.
#[rustfmt::skip]
const ROUNDS: [u64; 80] = [
    0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's hashlib.
    #[test]
    fn hashes_are_those_of_other_programs() {
        let cases = [
            (
                0,
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            ),
            (
                3,
                "9d1d055e0ac16db8b8b3b6c44692743b855129eb6b9fb9706ac623cf5c086ce4983ae494e5abeafc77a05e5e95f87c96bf8bd9434bccace808732165a43a6412",
            ),
            (
                111,
                "5216d13709f87553bb90f2b3132e9288ab8a4b5da592ddf50e4318297b0063cf3796a6a5fd64ae324a260f0d52a49888912baa009d38bfb354be1d914af93439",
            ),
            (
                112,
                "d649bd41483483d5084f9e6fd7dc99cfd6652784e8b8c460446c7df8a42d10ccb7ef1d1cd98db5515ae852b18bb520653bb05f09ef06a3be70794275fd510136",
            ),
            (
                127,
                "5f7a1b38d6f68c860a848b423714bf00dbfa03caa8fcf8bb1655db4f8ae5aa5dc6c9bbb5b598ef994f61812e3cfa28080eca5f3618af5d10213ff898a836eac6",
            ),
            (
                128,
                "605ace9e1ce61b88274cad94302e92eb00cf23718c85b0f22c7ede8f080f02baab0d21d6f123dcc04de19f0b83bf0ffb4962a575c03335e7772d938ed66adca4",
            ),
            (
                200000,
                "7e036537fbe51331b4098873f057275d35d110b14cfcd1f8d0deaeb80d1c3e9a8ede221466649b50e06f8f1c5078e3ce7b862e8330539d171e0b6e03c9a1be8c",
            ),
        ];
        for (len, expected) in cases {
            let bytes: Vec<u8> = (0..len).map(|i| (7 * i % 251) as u8).collect();
            assert_eq!(sha512(&*bytes).unwrap(), expected, "{len}");
        }
    }
}
