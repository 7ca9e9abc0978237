// Helpers that all types of sockets' programs have in place of the general ones: they tell of the socket, whoever runs now, and
// work at any IRQL. A run on request has no socket; then they tell of who asks.
#pragma once

#include "helpers.h"

EBPF_HELPER_FUNCTION SocketCurrentProcess, SocketCurrentLogon, SocketCurrentIsAdmin;

/** Rows of a type's table. */
#define SOCKET_HELPER_PROCESS {19, {SocketCurrentProcess, {0}}}
#define SOCKET_HELPER_LOGON {20, {SocketCurrentLogon, {ArgumentScalar}}}
#define SOCKET_HELPER_ADMIN {21, {SocketCurrentIsAdmin, {ArgumentScalar}}}
