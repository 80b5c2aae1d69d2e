/*
 * engine/sym/members.h - every structure, member and kernel variable that the engine reads: one
 * row each. Offsets and bit positions are resolved once per dump (sym/layout.c) from the best
 * source at hand; code never holds an offset.
 *
 * To read a new member: add a row, run `make profiles` (regenerates sym/profile_data.c where the
 * layout files are at hand), and use nd_rec_get(&rec, ND_M_<struct>_<member>).
 */
#ifndef ND_SYM_MEMBERS_H
#define ND_SYM_MEMBERS_H

// clang-format off

/* Structures whose size matters. The C id is the kernel's name without its underscore. */
#define ND_STRUCTS(X) \
	X(EPROCESS) X(ETHREAD) X(KTHREAD) X(KPROCESS) X(KPRCB) X(KPCR) X(KTRAP_FRAME) X(MMVAD) \
	X(MMVAD_SHORT) X(MMPTE) X(KLDR_DATA_TABLE_ENTRY) X(HANDLE_TABLE_ENTRY) X(OBJECT_HEADER) \
	X(SUBSECTION) X(MMPFN) X(ALPC_PORT) X(EJOB) X(TOKEN)

/* X(structure, member, bytes of the member or of a bit-field's storage unit). */
#define ND_MEMBERS(X) \
	X(LIST_ENTRY, Flink, 8) \
	/* process */ \
	X(KPROCESS, DirectoryTableBase, 8) \
	X(KPROCESS, UserDirectoryTableBase, 8) \
	X(KPROCESS, ThreadListHead, 16) \
	X(KPROCESS, ProcessListEntry, 16) \
	X(KPROCESS, BasePriority, 1) \
	X(KPROCESS, KernelTime, 4) \
	X(KPROCESS, UserTime, 4) \
	X(EPROCESS, UniqueProcessId, 8) \
	X(EPROCESS, ActiveProcessLinks, 16) \
	X(EPROCESS, InheritedFromUniqueProcessId, 8) \
	X(EPROCESS, ImageFileName, 15) \
	X(EPROCESS, CreateTime, 8) \
	X(EPROCESS, ExitTime, 8) \
	X(EPROCESS, ExitStatus, 4) \
	X(EPROCESS, ActiveThreads, 4) \
	X(EPROCESS, ThreadListHead, 16) \
	X(EPROCESS, ObjectTable, 8) \
	X(EPROCESS, Peb, 8) \
	X(EPROCESS, WoW64Process, 8) \
	X(EPROCESS, Session, 8) \
	X(EPROCESS, Token, 8) \
	X(EPROCESS, Job, 8) \
	X(EPROCESS, SectionObject, 8) \
	X(EPROCESS, SectionBaseAddress, 8) \
	X(EPROCESS, SeAuditProcessCreationInfo, 8) \
	X(EPROCESS, VadRoot, 8) \
	X(EPROCESS, VadCount, 8) \
	X(EPROCESS, Flags, 4) \
	X(EPROCESS, Flags2, 4) \
	X(EPROCESS, Flags3, 4) \
	X(EPROCESS, ProcessExiting, 4) \
	X(EPROCESS, ProcessDelete, 4) \
	X(EPROCESS, BreakOnTermination, 4) \
	X(EPROCESS, ProcessInSession, 4) \
	X(EPROCESS, Minimal, 4) \
	X(EPROCESS, SystemProcess, 4) \
	X(EPROCESS, Protection, 1) \
	X(EPROCESS, SignatureLevel, 1) \
	X(EPROCESS, SectionSignatureLevel, 1) \
	X(EPROCESS, MitigationFlags, 4) \
	X(EPROCESS, MitigationFlags2, 4) \
	X(EPROCESS, DeviceMap, 8) \
	X(EPROCESS, PriorityClass, 1) \
	X(EPROCESS, VirtualSize, 8) \
	X(EPROCESS, PeakVirtualSize, 8) \
	X(EPROCESS, CommitCharge, 8) \
	X(EWOW64PROCESS, Peb, 8) \
	X(MM_SESSION_SPACE, SessionId, 4) \
	X(OBJECT_NAME_INFORMATION, Name, 16) \
	X(HANDLE_TABLE, TableCode, 8) \
	X(HANDLE_TABLE, NextHandleNeedingPool, 4) \
	X(HANDLE_TABLE, HandleCount, 4) \
	X(HANDLE_TABLE, FreeLists, 0) \
	X(HANDLE_TABLE, QuotaProcess, 8) \
	X(HANDLE_TABLE, UniqueProcessId, 4) \
	X(HANDLE_TABLE, HandleTableList, 16) \
	X(HANDLE_TABLE_FREE_LIST, HandleCount, 4) \
	/* thread */ \
	X(KTHREAD, InitialStack, 8) \
	X(KTHREAD, StackLimit, 8) \
	X(KTHREAD, StackBase, 8) \
	X(KTHREAD, KernelStack, 8) \
	X(KTHREAD, CycleTime, 8) \
	X(KTHREAD, Running, 1) \
	X(KTHREAD, Alerted, 2) \
	X(KTHREAD, MiscFlags, 4) \
	X(KTHREAD, SystemThread, 4) \
	X(KTHREAD, SystemCallNumber, 4) \
	X(KTHREAD, FirstArgument, 8) \
	X(KTHREAD, TrapFrame, 8) \
	X(KTHREAD, ApcState, 0x30) \
	X(KAPC_STATE, Process, 8) \
	X(KTHREAD, Priority, 1) \
	X(KTHREAD, BasePriority, 1) \
	X(KTHREAD, WaitStatus, 8) \
	X(KTHREAD, WaitBlockList, 8) \
	X(KTHREAD, WaitBlockCount, 1) \
	X(KTHREAD, Queue, 8) \
	X(KTHREAD, Teb, 8) \
	X(KTHREAD, ContextSwitches, 4) \
	X(KTHREAD, State, 1) \
	X(KTHREAD, WaitIrql, 1) \
	X(KTHREAD, WaitMode, 1) \
	X(KTHREAD, WaitTime, 4) \
	X(KTHREAD, Win32Thread, 8) \
	X(KTHREAD, NextProcessor, 4) \
	X(KTHREAD, Process, 8) \
	X(KTHREAD, PreviousMode, 1) \
	X(KTHREAD, WaitReason, 1) \
	X(KTHREAD, SuspendCount, 1) \
	X(KTHREAD, KernelTime, 4) \
	X(KTHREAD, UserTime, 4) \
	X(KTHREAD, ThreadListEntry, 16) \
	X(ETHREAD, CreateTime, 8) \
	X(ETHREAD, ExitTime, 8) \
	X(ETHREAD, ExitStatus, 4) \
	X(ETHREAD, StartAddress, 8) \
	X(ETHREAD, Win32StartAddress, 8) \
	X(ETHREAD, Cid, 16) \
	X(CLIENT_ID, UniqueProcess, 8) \
	X(CLIENT_ID, UniqueThread, 8) \
	X(ETHREAD, ThreadListEntry, 16) \
	X(ETHREAD, IrpList, 16) \
	X(ETHREAD, CrossThreadFlags, 4) \
	X(ETHREAD, Terminated, 4) \
	X(ETHREAD, ActiveImpersonationInfo, 4) \
	X(ETHREAD, ClientSecurity, 8) \
	X(ETHREAD, ThreadName, 8) \
	/* trap frame */ \
	X(KTRAP_FRAME, PreviousMode, 1) \
	X(KTRAP_FRAME, PreviousIrql, 1) \
	X(KTRAP_FRAME, FaultIndicator, 1) \
	X(KTRAP_FRAME, ExceptionActive, 1) \
	X(KTRAP_FRAME, MxCsr, 4) \
	X(KTRAP_FRAME, Rax, 8) \
	X(KTRAP_FRAME, Rcx, 8) \
	X(KTRAP_FRAME, Rdx, 8) \
	X(KTRAP_FRAME, R8, 8) \
	X(KTRAP_FRAME, R9, 8) \
	X(KTRAP_FRAME, R10, 8) \
	X(KTRAP_FRAME, R11, 8) \
	X(KTRAP_FRAME, GsBase, 8) \
	X(KTRAP_FRAME, Xmm0, 16) \
	X(KTRAP_FRAME, Xmm1, 16) \
	X(KTRAP_FRAME, Xmm2, 16) \
	X(KTRAP_FRAME, Xmm3, 16) \
	X(KTRAP_FRAME, Xmm4, 16) \
	X(KTRAP_FRAME, Xmm5, 16) \
	X(KTRAP_FRAME, FaultAddress, 8) \
	X(KTRAP_FRAME, Dr0, 8) \
	X(KTRAP_FRAME, Dr1, 8) \
	X(KTRAP_FRAME, Dr2, 8) \
	X(KTRAP_FRAME, Dr3, 8) \
	X(KTRAP_FRAME, Dr6, 8) \
	X(KTRAP_FRAME, Dr7, 8) \
	X(KTRAP_FRAME, SegDs, 2) \
	X(KTRAP_FRAME, SegEs, 2) \
	X(KTRAP_FRAME, SegFs, 2) \
	X(KTRAP_FRAME, SegGs, 2) \
	X(KTRAP_FRAME, TrapFrame, 8) \
	X(KTRAP_FRAME, Rbx, 8) \
	X(KTRAP_FRAME, Rdi, 8) \
	X(KTRAP_FRAME, Rsi, 8) \
	X(KTRAP_FRAME, Rbp, 8) \
	X(KTRAP_FRAME, ErrorCode, 8) \
	X(KTRAP_FRAME, Rip, 8) \
	X(KTRAP_FRAME, SegCs, 2) \
	X(KTRAP_FRAME, EFlags, 4) \
	X(KTRAP_FRAME, Rsp, 8) \
	X(KTRAP_FRAME, SegSs, 2) \
	/* modules */ \
	X(KLDR_DATA_TABLE_ENTRY, InLoadOrderLinks, 16) \
	X(KLDR_DATA_TABLE_ENTRY, DllBase, 8) \
	X(KLDR_DATA_TABLE_ENTRY, EntryPoint, 8) \
	X(KLDR_DATA_TABLE_ENTRY, SizeOfImage, 4) \
	X(KLDR_DATA_TABLE_ENTRY, FullDllName, 16) \
	X(KLDR_DATA_TABLE_ENTRY, BaseDllName, 16) \
	X(KLDR_DATA_TABLE_ENTRY, Flags, 4) \
	X(KLDR_DATA_TABLE_ENTRY, CheckSum, 4) \
	X(KLDR_DATA_TABLE_ENTRY, TimeDateStamp, 4) \
	X(LDR_DATA_TABLE_ENTRY, DllBase, 8) \
	X(LDR_DATA_TABLE_ENTRY, EntryPoint, 8) \
	X(LDR_DATA_TABLE_ENTRY, SizeOfImage, 4) \
	X(LDR_DATA_TABLE_ENTRY, FullDllName, 16) \
	X(LDR_DATA_TABLE_ENTRY, BaseDllName, 16) \
	X(LDR_DATA_TABLE_ENTRY, TimeDateStamp, 4) \
	X(PEB, Ldr, 8) \
	X(PEB, ProcessParameters, 8) \
	X(PEB, ImageBaseAddress, 8) \
	X(PEB, SessionId, 4) \
	X(PEB_LDR_DATA, InLoadOrderModuleList, 16) \
	X(RTL_USER_PROCESS_PARAMETERS, Flags, 4) \
	X(RTL_USER_PROCESS_PARAMETERS, ImagePathName, 16) \
	X(RTL_USER_PROCESS_PARAMETERS, CommandLine, 16) \
	X(RTL_USER_PROCESS_PARAMETERS, CurrentDirectory, 24) \
	X(RTL_USER_PROCESS_PARAMETERS, Environment, 8) \
	X(RTL_USER_PROCESS_PARAMETERS, EnvironmentSize, 8) \
	/* virtual memory */ \
	X(RTL_BALANCED_NODE, Left, 8) \
	X(RTL_BALANCED_NODE, Right, 8) \
	X(MMVAD_SHORT, StartingVpn, 4) \
	X(MMVAD_SHORT, EndingVpn, 4) \
	X(MMVAD_SHORT, StartingVpnHigh, 1) \
	X(MMVAD_SHORT, EndingVpnHigh, 1) \
	X(MMVAD_SHORT, u, 4) \
	X(MMVAD_SHORT, u1, 4) \
	X(MMVAD_FLAGS, VadType, 4) \
	X(MMVAD_FLAGS, Protection, 4) \
	X(MMVAD_FLAGS, PrivateMemory, 4) \
	X(MMVAD_FLAGS1, CommitCharge, 4) \
	X(MMVAD_FLAGS1, MemCommit, 4) \
	X(MMVAD, Subsection, 8) \
	X(MMVAD, FirstPrototypePte, 8) \
	X(MMVAD, LastContiguousPte, 8) \
	X(MMVAD, FileObject, 8) \
	X(SUBSECTION, ControlArea, 8) \
	X(SUBSECTION, SubsectionBase, 8) \
	X(SUBSECTION, NextSubsection, 8) \
	X(SUBSECTION, PtesInSubsection, 4) \
	X(CONTROL_AREA, FilePointer, 8) \
	X(FILE_OBJECT, DeviceObject, 8) \
	X(FILE_OBJECT, FileName, 16) \
	X(FILE_OBJECT, RelatedFileObject, 8) \
	X(MMPTE_SOFTWARE, SwizzleBit, 8) \
	X(MMPTE_SOFTWARE, PageFileLow, 8) \
	X(MMPTE_SOFTWARE, Protection, 8) \
	X(MMPTE_SOFTWARE, PageFileHigh, 8) \
	X(MMPTE_TRANSITION, PageFrameNumber, 8) \
	X(MMPTE_PROTOTYPE, ProtoAddress, 8) \
	X(MI_SYSTEM_INFORMATION, Hardware, 0) \
	X(MI_HARDWARE_STATE, InvalidPteMask, 8) \
	/* processor */ \
	X(KPCR, Prcb, 0) \
	X(KPCR, Self, 8) \
	X(KPRCB, CurrentThread, 8) \
	X(KPRCB, IdleThread, 8) \
	X(KPRCB, Number, 4) \
	X(KPRCB, MHz, 4) \
	X(KPRCB, VendorString, 13) \
	X(KPRCB, ProcessorState, 0) \
	X(KPRCB, Context, 8) \
	X(KPROCESSOR_STATE, SpecialRegisters, 0) \
	X(KPROCESSOR_STATE, ContextFrame, 0) \
	X(KSPECIAL_REGISTERS, Cr3, 8) \
	X(KSPECIAL_REGISTERS, Cr4, 8) \
	X(KSPECIAL_REGISTERS, MsrLStar, 8) \
	X(KUSER_SHARED_DATA, NtMajorVersion, 4) \
	X(KUSER_SHARED_DATA, NtMinorVersion, 4) \
	X(KUSER_SHARED_DATA, NtBuildNumber, 4) \
	X(KUSER_SHARED_DATA, NtProductType, 4) \
	X(KUSER_SHARED_DATA, SuiteMask, 4) \
	X(KUSER_SHARED_DATA, SystemCall, 4) \
	X(KUSER_SHARED_DATA, NtSystemRoot, 520) \
	X(KUSER_SHARED_DATA, SystemTime, 12) \
	X(KUSER_SHARED_DATA, InterruptTime, 12) \
	X(KUSER_SHARED_DATA, TimeZoneBias, 12) \
	/* object headers */ \
	X(OBJECT_HEADER, PointerCount, 8) \
	X(OBJECT_HEADER, HandleCount, 8) \
	X(OBJECT_HEADER, TypeIndex, 1) \
	X(OBJECT_HEADER, InfoMask, 1) \
	X(OBJECT_HEADER, Flags, 1) \
	X(OBJECT_HEADER, Body, 0) \
	X(OBJECT_HEADER_NAME_INFO, Directory, 8) \
	X(OBJECT_HEADER_NAME_INFO, Name, 16) \
	X(TOKEN, IntegrityLevelIndex, 4) \
	X(TOKEN, UserAndGroupCount, 4) \
	X(TOKEN, UserAndGroups, 8) \
	X(SID_AND_ATTRIBUTES, Sid, 8) \
	X(EJOB, ParentJob, 8) \
	X(EJOB, Silo, 4) \
	X(EJOB, ServerSiloGlobals, 8) \
	X(EJOB, ContainerId, 16) \
	X(OBJECT_TYPE, Name, 16) \
	X(OBJECT_TYPE, Index, 1)

/* X(structure, member, other name of the same member in some builds). */
#define ND_MEMBER_ALIASES(X) \
	X(EPROCESS, WoW64Process, Wow64Process)

/*
 * X(structure, structure that stands in where a build's symbols lack it, for its members below this
 * offset; never for its size): 9600 and older have no _KLDR_DATA_TABLE_ENTRY;
 * _LDR_DATA_TABLE_ENTRY has the same places from DllBase to Flags, and others after them.
 */
#define ND_STRUCT_ALIASES(X) \
	X(KLDR_DATA_TABLE_ENTRY, LDR_DATA_TABLE_ENTRY, 0x6c)

/* Kernel variables and routines that the engine wants by name: image-relative addresses. */
#define ND_SYMBOLS(X) \
	X(PsActiveProcessHead) X(PsLoadedModuleList) X(PsInitialSystemProcess) X(PsIdleProcess) \
	X(PspCidTable) X(KiServiceTable) X(KiServiceLimit) X(KiArgumentTable) \
	X(KeServiceDescriptorTable) X(KeServiceDescriptorTableShadow) \
	X(KeServiceDescriptorTableFilter) X(ObHeaderCookie) X(ObTypeIndexTable) \
	X(ObpRootDirectoryObject) X(ObpInfoMaskToOffset) X(ObpKernelHandleTable) X(NtBuildLab) \
	X(NtBuildLabEx) X(NtBuildNumber) X(KdDebuggerDataBlock) X(KdpDataBlockEncoded) \
	X(KiWaitNever) X(KiWaitAlways) X(KdVersionBlock) X(MmPfnDatabase) X(MmUnloadedDrivers) \
	X(MmLastUnloadedDriver) X(MiState) X(KiProcessorBlock) X(KeNumberProcessors) \
	X(PsNtosImageBase) X(PspHostSiloGlobals) X(PspJobList) X(PspSystemDlls) X(AlpcpPortList) \
	X(PspCreateProcessNotifyRoutine) X(PspCreateThreadNotifyRoutine) \
	X(PspLoadImageNotifyRoutine) X(CallbackListHead) X(KeBugCheckCallbackListHead) \
	X(KeBugCheckReasonCallbackListHead) X(IopNotifyShutdownQueueHead) X(KiDivideErrorFault) \
	X(KiSystemCall64) X(KiSystemCall64Shadow) X(KiIsrThunk) X(KiKvaShadow) \
	X(MmSystemRangeStart) X(MmHighestUserAddress) X(MmPteBase) X(PoolBigPageTable) \
	X(PoolBigPageTableSize) X(KeTimeIncrement) X(KeBootTime) X(PsProcessType) X(PsThreadType) \
	X(ObpTypeObjectType) X(KeLoaderBlock) X(KiBugCheckData)

// clang-format on

#define ND_X_STRUCT(s) ND_S_##s,
enum nd_struct_id { ND_STRUCTS(ND_X_STRUCT) ND_STRUCT_COUNT };
#undef ND_X_STRUCT

#define ND_X_MEMBER(s, m, bytes) ND_M_##s##_##m,
enum nd_member_id { ND_MEMBERS(ND_X_MEMBER) ND_MEMBER_COUNT };
#undef ND_X_MEMBER

#define ND_X_SYMBOL(s) ND_SYM_##s,
enum nd_symbol_id { ND_SYMBOLS(ND_X_SYMBOL) ND_SYMBOL_COUNT };
#undef ND_X_SYMBOL

#endif
