#include "jepsen/command.h"

int main(int count, char** arguments) { return ticketd::jepsen::run_command(count, arguments); }
