// Runs a fuzz target over files, without a fuzzer: what it was found with once stays tested.
//
//   replay DIRECTORY...
//
// Every file is run as it is, and cut short at every byte. Fails when there is none.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  std::size_t files = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i])) {
      if (!entry.is_regular_file()) {
        continue;
      }
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> read((std::istreambuf_iterator<char>(file)), {});
      // A copy for each length, so that reading beyond it is seen by the address sanitizer.
      for (std::size_t size = 0; size <= read.size(); ++size) {
        const std::vector<std::uint8_t> bytes(read.begin(),
                                              read.begin() + static_cast<std::ptrdiff_t>(size));
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      }
      ++files;
    }
  }
  std::cout << files << " files\n";
  return files > 0 ? 0 : 1;
}
