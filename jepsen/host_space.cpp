#include "jepsen/host_space.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>

namespace ticketd::jepsen {

namespace {

constexpr std::string_view kDevice = "net0";
constexpr const char* kTunPath = "/dev/net/tun";

Error system_error(const std::string& what) { return Error{what + ": " + std::strerror(errno)}; }

/// Runs `work` in a thread of its own, for what changes the thread.
template <class Work>
auto apart(Work work) {
  std::optional<decltype(work())> result;
  std::thread([&] { result.emplace(work()); }).join();
  return *std::move(result);
}

/// Tried in a child: a thread would keep this process from entering a user namespace.
bool may_make_network_namespaces() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWNET) == 0 ? 0 : 1);
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

Status write_file(const char* path, const std::string& text) {
  const Descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return system_error(std::string("cannot write ") + path);
  }
  return {};
}

Status become_root_of_user_namespace() {
  const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER) != 0) {
    return system_error("this machine allows neither root nor user namespaces here");
  }
  if (Status done = write_file("/proc/self/setgroups", "deny"); !done.ok()) return done;
  if (Status done = write_file("/proc/self/uid_map", "0 " + user + " 1"); !done.ok()) return done;
  return write_file("/proc/self/gid_map", "0 " + group + " 1");
}

ifreq request_for(std::string_view device) {
  ifreq request = {};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

Status set_address(int socket, unsigned long operation, std::uint32_t address) {
  ifreq request = request_for(kDevice);
  sockaddr_in value = {};
  value.sin_family = AF_INET;
  value.sin_addr.s_addr = htonl(address);
  std::memcpy(&request.ifr_addr, &value, sizeof value);
  if (::ioctl(socket, operation, &request) != 0) return system_error("cannot set an address");
  return {};
}

Status bring_up(int socket, std::string_view device) {
  ifreq request = request_for(device);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket, SIOCSIFFLAGS, &request) != 0) {
    return system_error("cannot bring up " + std::string(device));
  }
  return {};
}

Result<Descriptor> open_tun() {
  Descriptor tun(::open(kTunPath, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tun) {
    return system_error(std::string("cannot open ") + kTunPath +
                        " (the harness needs it: modprobe tun; chmod 666 for use without root)");
  }
  ifreq request = request_for(kDevice);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) return system_error("cannot make a TUN device");
  return tun;
}

/// In a thread that ends afterwards: it stays in the new namespace.
Result<HostSpace> make_here(std::uint32_t address) {
  constexpr std::uint32_t kMask = 0xffffff00;
  if (::unshare(CLONE_NEWNET) != 0) return system_error("cannot make a network namespace");
  auto tun = open_tun();
  if (!tun.ok()) return tun.error();
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("cannot make a socket");
  for (const Status& done : {set_address(socket.get(), SIOCSIFADDR, address),
                             set_address(socket.get(), SIOCSIFNETMASK, kMask),
                             bring_up(socket.get(), kDevice), bring_up(socket.get(), "lo")}) {
    if (!done.ok()) return done.error();
  }
  HostSpace host;
  host.space = Descriptor(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!host.space) return system_error("cannot open /proc/thread-self/ns/net");
  host.tun = std::move(*tun);
  return host;
}

}  // namespace

Status allow_host_spaces() {
  if (may_make_network_namespaces()) return {};
  return become_root_of_user_namespace();
}

Result<HostSpace> make_host_space(std::uint32_t address) {
  return apart([address] { return make_here(address); });
}

std::string address_text(std::uint32_t address) {
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
}

}  // namespace ticketd::jepsen
