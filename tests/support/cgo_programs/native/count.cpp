#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include "count.hpp"
#include "inner/limit.h"

static int counted(const std::string &text) {
  std::map<std::string, int> seen;
  std::istringstream words(text);
  std::string word;
  while (words >> word) seen[word]++;
  if (seen.size() > LIMIT) throw std::runtime_error("too many");
  return static_cast<int>(seen.size());
}

int count_words(const char *text) {
  try {
    return counted(text);
  } catch (const std::exception &) {
    return -1;
  }
}
