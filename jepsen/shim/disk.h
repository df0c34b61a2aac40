// The disk as the preloaded shim sees it: which descriptors are of watched files, what a power cut
// would undo, and which calls fail.
//
// Watched are regular files right in the data directory, and that directory, but for LMDB's table
// of readers, which is mapped, holds nothing that lasts, and has locks that go when any descriptor
// of it is closed. Descriptors that were duplicated are not watched, nor are writes through a
// mapping; ticketd and LMDB do neither.
//
// Every call goes on to the kernel, after what it changes was noted. So a process that is killed
// loses nothing, as on any machine; the harness then takes away what a power cut would
// (power_cut.h).
#pragma once

#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "jepsen/shim/control.h"

namespace ticketd::jepsen::shim {

/// Of this process; null when it has no shim's directory.
Control* control();

/// Waits while the disk hangs, then says what the call fails with: 0 when it shall not.
int fault(Operations operations);

/// It is watched.
bool watched(int descriptor);

/// As open(); its errors are in errno.
int open_file(int directory, const char* path, int flags, mode_t mode);
int close_file(int descriptor);

/// A negative offset is where the descriptor stands. Requires that it is watched.
ssize_t write_file(int descriptor, const iovec* parts, int count, off_t offset);
int truncate_file(int descriptor, off_t size);
/// Of a file or the directory.
int sync_file(int descriptor);

int rename_file(const char* from, const char* to);
int remove_file(const char* path);

/// As statvfs(): there is no room while calls that grow something fail for want of it.
int tell_space(const char* path, struct statvfs* told);

}  // namespace ticketd::jepsen::shim
