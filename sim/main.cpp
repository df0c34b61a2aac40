#include "sim/command.h"

int main(int count, char** arguments) { return ticketd::sim::run_command(count, arguments); }
