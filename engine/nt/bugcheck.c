/*
 * engine/nt/bugcheck.c - bug check codes by name; the crashing processor, thread and process.
 */
#include "nt/bugcheck.h"
#include "nt/system.h"
#include "sym/rec.h"

#define PROCESSORS_MAX 2048u
#define CONTEXT_RSP 0x98u

// clang-format off
static const struct {
	uint32_t code;
	const char *name;
} names[] = {
	{ 0x01, "APC_INDEX_MISMATCH" },
	{ 0x02, "DEVICE_QUEUE_NOT_BUSY" },
	{ 0x03, "INVALID_AFFINITY_SET" },
	{ 0x04, "INVALID_DATA_ACCESS_TRAP" },
	{ 0x05, "INVALID_PROCESS_ATTACH_ATTEMPT" },
	{ 0x06, "INVALID_PROCESS_DETACH_ATTEMPT" },
	{ 0x07, "INVALID_SOFTWARE_INTERRUPT" },
	{ 0x08, "IRQL_NOT_DISPATCH_LEVEL" },
	{ 0x09, "IRQL_NOT_GREATER_OR_EQUAL" },
	{ 0x0a, "IRQL_NOT_LESS_OR_EQUAL" },
	{ 0x0b, "NO_EXCEPTION_HANDLING_SUPPORT" },
	{ 0x0c, "MAXIMUM_WAIT_OBJECTS_EXCEEDED" },
	{ 0x0d, "MUTEX_LEVEL_NUMBER_VIOLATION" },
	{ 0x0e, "NO_USER_MODE_CONTEXT" },
	{ 0x0f, "SPIN_LOCK_ALREADY_OWNED" },
	{ 0x10, "SPIN_LOCK_NOT_OWNED" },
	{ 0x11, "THREAD_NOT_MUTEX_OWNER" },
	{ 0x12, "TRAP_CAUSE_UNKNOWN" },
	{ 0x18, "REFERENCE_BY_POINTER" },
	{ 0x19, "BAD_POOL_HEADER" },
	{ 0x1a, "MEMORY_MANAGEMENT" },
	{ 0x1c, "PFN_REFERENCE_COUNT" },
	{ 0x1e, "KMODE_EXCEPTION_NOT_HANDLED" },
	{ 0x20, "KERNEL_APC_PENDING_DURING_EXIT" },
	{ 0x23, "FAT_FILE_SYSTEM" },
	{ 0x24, "NTFS_FILE_SYSTEM" },
	{ 0x27, "RDR_FILE_SYSTEM" },
	{ 0x28, "CORRUPT_ACCESS_TOKEN" },
	{ 0x2a, "INCONSISTENT_IRP" },
	{ 0x2b, "PANIC_STACK_SWITCH" },
	{ 0x2e, "DATA_BUS_ERROR" },
	{ 0x30, "SET_OF_INVALID_CONTEXT" },
	{ 0x32, "PHASE1_INITIALIZATION_FAILED" },
	{ 0x34, "CACHE_MANAGER" },
	{ 0x35, "NO_MORE_IRP_STACK_LOCATIONS" },
	{ 0x36, "DEVICE_REFERENCE_COUNT_NOT_ZERO" },
	{ 0x39, "SYSTEM_EXIT_OWNED_MUTEX" },
	{ 0x3b, "SYSTEM_SERVICE_EXCEPTION" },
	{ 0x3d, "INTERRUPT_EXCEPTION_NOT_HANDLED" },
	{ 0x3f, "NO_MORE_SYSTEM_PTES" },
	{ 0x40, "TARGET_MDL_TOO_SMALL" },
	{ 0x44, "MULTIPLE_IRP_COMPLETE_REQUESTS" },
	{ 0x48, "CANCEL_STATE_IN_COMPLETED_IRP" },
	{ 0x4a, "IRQL_GT_ZERO_AT_SYSTEM_SERVICE" },
	{ 0x4c, "FATAL_UNHANDLED_HARD_ERROR" },
	{ 0x4d, "NO_PAGES_AVAILABLE" },
	{ 0x4e, "PFN_LIST_CORRUPT" },
	{ 0x50, "PAGE_FAULT_IN_NONPAGED_AREA" },
	{ 0x51, "REGISTRY_ERROR" },
	{ 0x5c, "HAL_INITIALIZATION_FAILED" },
	{ 0x69, "IO1_INITIALIZATION_FAILED" },
	{ 0x6b, "PROCESS1_INITIALIZATION_FAILED" },
	{ 0x73, "CONFIG_LIST_FAILED" },
	{ 0x74, "BAD_SYSTEM_CONFIG_INFO" },
	{ 0x76, "PROCESS_HAS_LOCKED_PAGES" },
	{ 0x77, "KERNEL_STACK_INPAGE_ERROR" },
	{ 0x79, "MISMATCHED_HAL" },
	{ 0x7a, "KERNEL_DATA_INPAGE_ERROR" },
	{ 0x7b, "INACCESSIBLE_BOOT_DEVICE" },
	{ 0x7c, "BUGCODE_NDIS_DRIVER" },
	{ 0x7d, "INSTALL_MORE_MEMORY" },
	{ 0x7e, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED" },
	{ 0x7f, "UNEXPECTED_KERNEL_MODE_TRAP" },
	{ 0x80, "NMI_HARDWARE_FAILURE" },
	{ 0x8e, "KERNEL_MODE_EXCEPTION_NOT_HANDLED" },
	{ 0x93, "INVALID_KERNEL_HANDLE" },
	{ 0x94, "KERNEL_STACK_LOCKED_AT_EXIT" },
	{ 0x9c, "MACHINE_CHECK_EXCEPTION" },
	{ 0x9f, "DRIVER_POWER_STATE_FAILURE" },
	{ 0xa0, "INTERNAL_POWER_ERROR" },
	{ 0xa5, "ACPI_BIOS_ERROR" },
	{ 0xab, "SESSION_HAS_VALID_POOL_ON_EXIT" },
	{ 0xb8, "ATTEMPTED_SWITCH_FROM_DPC" },
	{ 0xbe, "ATTEMPTED_WRITE_TO_READONLY_MEMORY" },
	{ 0xc1, "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION" },
	{ 0xc2, "BAD_POOL_CALLER" },
	{ 0xc4, "DRIVER_VERIFIER_DETECTED_VIOLATION" },
	{ 0xc5, "DRIVER_CORRUPTED_EXPOOL" },
	{ 0xc6, "DRIVER_CAUGHT_MODIFYING_FREED_POOL" },
	{ 0xc7, "TIMER_OR_DPC_INVALID" },
	{ 0xc9, "DRIVER_VERIFIER_IOMANAGER_VIOLATION" },
	{ 0xcb, "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS" },
	{ 0xcc, "PAGE_FAULT_IN_FREED_SPECIAL_POOL" },
	{ 0xcd, "PAGE_FAULT_BEYOND_END_OF_ALLOCATION" },
	{ 0xce, "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS" },
	{ 0xcf, "TERMINAL_SERVER_DRIVER_MADE_INCORRECT_MEMORY_REFERENCE" },
	{ 0xd0, "DRIVER_CORRUPTED_MMPOOL" },
	{ 0xd1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL" },
	{ 0xd3, "DRIVER_PORTION_MUST_BE_NONPAGED" },
	{ 0xd4, "SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD" },
	{ 0xd5, "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL" },
	{ 0xd6, "DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION" },
	{ 0xd8, "DRIVER_USED_EXCESSIVE_PTES" },
	{ 0xda, "SYSTEM_PTE_MISUSE" },
	{ 0xde, "POOL_CORRUPTION_IN_FILE_AREA" },
	{ 0xe2, "MANUALLY_INITIATED_CRASH" },
	{ 0xe3, "RESOURCE_NOT_OWNED" },
	{ 0xe4, "WORKER_INVALID" },
	{ 0xea, "THREAD_STUCK_IN_DEVICE_DRIVER" },
	{ 0xed, "UNMOUNTABLE_BOOT_VOLUME" },
	{ 0xef, "CRITICAL_PROCESS_DIED" },
	{ 0xf4, "CRITICAL_OBJECT_TERMINATION" },
	{ 0xf7, "DRIVER_OVERRAN_STACK_BUFFER" },
	{ 0xfc, "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY" },
	{ 0xfe, "BUGCODE_USB_DRIVER" },
	{ 0x101, "CLOCK_WATCHDOG_TIMEOUT" },
	{ 0x109, "CRITICAL_STRUCTURE_CORRUPTION" },
	{ 0x10d, "WDF_VIOLATION" },
	{ 0x10e, "VIDEO_MEMORY_MANAGEMENT_INTERNAL" },
	{ 0x111, "RECURSIVE_NMI" },
	{ 0x113, "VIDEO_DXGKRNL_FATAL_ERROR" },
	{ 0x116, "VIDEO_TDR_FAILURE" },
	{ 0x117, "VIDEO_TDR_TIMEOUT_DETECTED" },
	{ 0x119, "VIDEO_SCHEDULER_INTERNAL_ERROR" },
	{ 0x11b, "DRIVER_RETURNED_HOLDING_CANCEL_LOCK" },
	{ 0x121, "DRIVER_VIOLATION" },
	{ 0x122, "WHEA_INTERNAL_ERROR" },
	{ 0x124, "WHEA_UNCORRECTABLE_ERROR" },
	{ 0x127, "PAGE_NOT_ZERO" },
	{ 0x12b, "FAULTY_HARDWARE_CORRUPTED_PAGE" },
	{ 0x12c, "EXFAT_FILE_SYSTEM" },
	{ 0x133, "DPC_WATCHDOG_VIOLATION" },
	{ 0x139, "KERNEL_SECURITY_CHECK_FAILURE" },
	{ 0x13a, "KERNEL_MODE_HEAP_CORRUPTION" },
	{ 0x144, "BUGCODE_USB3_DRIVER" },
	{ 0x154, "UNEXPECTED_STORE_EXCEPTION" },
	{ 0x157, "KERNEL_THREAD_PRIORITY_FLOOR_VIOLATION" },
	{ 0x15f, "CONNECTED_STANDBY_WATCHDOG_TIMEOUT_LIVEDUMP" },
	{ 0x161, "LIVE_SYSTEM_DUMP" },
	{ 0x18b, "SECURE_KERNEL_ERROR" },
	{ 0x1ca, "SYNTHETIC_WATCHDOG_TIMEOUT" },
	{ 0xc0000218, "STATUS_CANNOT_LOAD_REGISTRY_FILE" },
	{ 0xc000021a, "WINLOGON_FATAL_ERROR" },
	{ 0xdeaddead, "MANUALLY_INITIATED_CRASH1" },
};

const struct nd_context_register nd_context_registers[] = {
	{ "ContextFlags", 0x30, 4 },
	{ "MxCsr", 0x34, 4 },
	{ "SegCs", 0x38, 2 },
	{ "SegDs", 0x3a, 2 },
	{ "SegEs", 0x3c, 2 },
	{ "SegFs", 0x3e, 2 },
	{ "SegGs", 0x40, 2 },
	{ "SegSs", 0x42, 2 },
	{ "EFlags", 0x44, 4 },
	{ "Dr0", 0x48, 8 },
	{ "Dr1", 0x50, 8 },
	{ "Dr2", 0x58, 8 },
	{ "Dr3", 0x60, 8 },
	{ "Dr6", 0x68, 8 },
	{ "Dr7", 0x70, 8 },
	{ "Rax", 0x78, 8 },
	{ "Rcx", 0x80, 8 },
	{ "Rdx", 0x88, 8 },
	{ "Rbx", 0x90, 8 },
	{ "Rsp", 0x98, 8 },
	{ "Rbp", 0xa0, 8 },
	{ "Rsi", 0xa8, 8 },
	{ "Rdi", 0xb0, 8 },
	{ "R8", 0xb8, 8 },
	{ "R9", 0xc0, 8 },
	{ "R10", 0xc8, 8 },
	{ "R11", 0xd0, 8 },
	{ "R12", 0xd8, 8 },
	{ "R13", 0xe0, 8 },
	{ "R14", 0xe8, 8 },
	{ "R15", 0xf0, 8 },
	{ "Rip", 0xf8, 8 },
	{ NULL, 0, 0 }
};
// clang-format on

const char *nd_bugcheck_name(uint32_t code)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

/* The stack segment of a thread holds the stack pointer that the header's CONTEXT has. */
static bool runs_on(const struct nd_dump *dump, nd_va thread, nd_va rsp)
{
	struct nd_u64 base = nd_member_read(&dump->kernel, thread, ND_M_KTHREAD_StackBase);
	struct nd_u64 limit = nd_member_read(&dump->kernel, thread, ND_M_KTHREAD_StackLimit);

	return base.st == ND_OK && limit.st == ND_OK && rsp >= limit.value && rsp <= base.value;
}

static struct nd_u64 current_thread(const struct nd_dump *dump, nd_va prcb)
{
	struct nd_u64 v = nd_member_read(&dump->kernel, prcb, ND_M_KPRCB_CurrentThread);

	if (v.st == ND_OK && !nd_va_is_kernel(v.value))
		v = nd_u64_missing(ND_INVALID, v.at);
	return v;
}

/*
 * The header does not say which processor crashed. It is the one whose current thread's stack
 * holds the CONTEXT's stack pointer; on a machine with one processor there is no question.
 */
static void find_processor(const struct nd_dump *dump, struct nd_crash *crash)
{
	nd_va rsp = dump->header && dump->header->context_set
			    ? nd_le64(dump->header->context + CONTEXT_RSP)
			    : 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < PROCESSORS_MAX; i++) {
		struct nd_u64 prcb = nd_prcb(dump, i), thread;

		if (prcb.st != ND_OK)
			break;
		count++;
		thread = current_thread(dump, prcb.value);
		if (thread.st == ND_OK && rsp != 0 && runs_on(dump, thread.value, rsp)) {
			crash->processor = nd_u64_of(i);
			crash->thread = thread;
			return;
		}
	}
	if (count == 1) {
		crash->processor = nd_u64_of(0);
		crash->thread = current_thread(dump, nd_prcb(dump, 0).value);
	}
}

void nd_crash_read(const struct nd_dump *dump, struct nd_crash *ret)
{
	struct nd_crash crash = { .processor = nd_u64_missing(ND_NOT_IN_DUMP, 0) };

	crash.thread = crash.process = crash.processor;
	if (dump->triage_thread != 0) {
		crash.thread = nd_u64_of(dump->triage_thread);
		crash.processor = nd_member_read(&dump->kernel, dump->triage_thread,
						 ND_M_KTHREAD_NextProcessor);
	} else {
		find_processor(dump, &crash);
	}
	if (crash.thread.st == ND_OK)
		crash.process =
			nd_member_read(&dump->kernel, crash.thread.value, ND_M_KTHREAD_Process);
	*ret = crash;
}
