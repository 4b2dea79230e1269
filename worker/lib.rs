//! thalweg-worker
