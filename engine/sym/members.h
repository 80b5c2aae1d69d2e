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
	X(MMVAD_SHORT) X(MMPTE) X(KLDR_DATA_TABLE_ENTRY) X(HANDLE_TABLE_FREE_LIST) \
	X(HANDLE_TABLE_ENTRY) X(OBJECT_HEADER) \
	X(SUBSECTION) X(MMPFN) X(ALPC_PORT) X(EJOB) X(TOKEN) \
	X(KWAIT_BLOCK) X(IRP) X(IO_STACK_LOCATION) X(KALPC_MESSAGE)

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
	X(KPCR, GdtBase, 8) \
	X(KPCR, TssBase, 8) \
	X(KPCR, UserRsp, 8) \
	X(KPCR, CurrentPrcb, 8) \
	X(KPCR, IdtBase, 8) \
	X(KPCR, Irql, 1) \
	X(KIDTENTRY64, OffsetLow, 2) \
	X(KIDTENTRY64, Selector, 2) \
	X(KIDTENTRY64, IstIndex, 2) \
	X(KIDTENTRY64, Type, 2) \
	X(KIDTENTRY64, Dpl, 2) \
	X(KIDTENTRY64, Present, 2) \
	X(KIDTENTRY64, OffsetMiddle, 2) \
	X(KIDTENTRY64, OffsetHigh, 4) \
	X(KINTERRUPT, ServiceRoutine, 8) \
	X(KINTERRUPT, MessageServiceRoutine, 8) \
	X(KINTERRUPT, ServiceContext, 8) \
	X(KINTERRUPT, DispatchAddress, 8) \
	X(KINTERRUPT, Vector, 4) \
	X(KINTERRUPT, Irql, 1) \
	X(KINTERRUPT, Connected, 1) \
	X(KINTERRUPT, Number, 4) \
	X(KPRCB, InterruptObject, 0) \
	X(KPRCB, NextThread, 8) \
	X(KPRCB, CpuType, 1) \
	X(KPRCB, CpuID, 1) \
	X(KPRCB, CpuStep, 2) \
	X(KPRCB, Group, 1) \
	X(KPRCB, GroupIndex, 1) \
	X(KPRCB, UpdateSignature, 8) \
	X(KPRCB, KernelDirectoryTableBase, 8) \
	X(KPRCB, ShadowFlags, 4) \
	X(KPRCB, BpbState, 1) \
	X(KPRCB, BpbFeatures, 1) \
	X(KPRCB, BpbEnabled, 1) \
	X(KPRCB, BpbSmep, 1) \
	X(KPRCB, BpbCurrentSpecCtrl, 1) \
	X(KPRCB, BpbKernelSpecCtrl, 1) \
	X(KPRCB, BpbUserSpecCtrl, 1) \
	X(KPRCB, BpbRetpolineEnabled, 1) \
	X(KPRCB, CurrentThread, 8) \
	X(KPRCB, IdleThread, 8) \
	X(KPRCB, Number, 4) \
	X(KPRCB, MHz, 4) \
	X(KPRCB, VendorString, 13) \
	X(KPRCB, ProcessorState, 0) \
	X(KPRCB, Context, 8) \
	X(KPROCESSOR_STATE, SpecialRegisters, 0) \
	X(KPROCESSOR_STATE, ContextFrame, 0) \
	X(KSPECIAL_REGISTERS, Cr0, 8) \
	X(KSPECIAL_REGISTERS, Cr2, 8) \
	X(KSPECIAL_REGISTERS, Cr3, 8) \
	X(KSPECIAL_REGISTERS, KernelDr0, 8) \
	X(KSPECIAL_REGISTERS, KernelDr1, 8) \
	X(KSPECIAL_REGISTERS, KernelDr2, 8) \
	X(KSPECIAL_REGISTERS, KernelDr3, 8) \
	X(KSPECIAL_REGISTERS, KernelDr6, 8) \
	X(KSPECIAL_REGISTERS, KernelDr7, 8) \
	X(KSPECIAL_REGISTERS, Gdtr, 16) \
	X(KSPECIAL_REGISTERS, Idtr, 16) \
	X(KSPECIAL_REGISTERS, Tr, 2) \
	X(KSPECIAL_REGISTERS, Ldtr, 2) \
	X(KSPECIAL_REGISTERS, DebugControl, 8) \
	X(KSPECIAL_REGISTERS, Cr8, 8) \
	X(KSPECIAL_REGISTERS, MsrGsBase, 8) \
	X(KSPECIAL_REGISTERS, MsrGsSwap, 8) \
	X(KSPECIAL_REGISTERS, MsrStar, 8) \
	X(KSPECIAL_REGISTERS, MsrCStar, 8) \
	X(KSPECIAL_REGISTERS, MsrSyscallMask, 8) \
	X(KSPECIAL_REGISTERS, MsrFsBase, 8) \
	X(KSPECIAL_REGISTERS, Xcr0, 8) \
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
	/* tokens, jobs, silos, sessions */ \
	X(EPROCESS, JobLinks, 16) \
	X(EPROCESS, ProcessRundown, 4) \
	X(EPROCESS, ProcessSelfDelete, 4) \
	X(EPROCESS, VmDeleted, 4) \
	X(EPROCESS, Outswapped, 4) \
	X(EPROCESS, NoDebugInherit, 4) \
	X(EPROCESS, PicoCreated, 4) \
	X(EPROCESS, PrimaryTokenFrozen, 4) \
	X(EPROCESS, CrossSessionCreate, 4) \
	X(EPROCESS, Crashed, 4) \
	X(EPROCESS, AuxiliaryProcess, 4) \
	X(EPROCESS, SubsystemProcess, 4) \
	X(EPROCESS, InPrivate, 4) \
	X(EPROCESS, RestrictSetThreadContext, 4) \
	X(EPROCESS, VmProcessorHost, 4) \
	X(EPROCESS, ControlFlowGuardEnabled, 4) \
	X(EPROCESS, ControlFlowGuardExportSuppressionEnabled, 4) \
	X(EPROCESS, ControlFlowGuardStrict, 4) \
	X(EPROCESS, DisallowStrippedImages, 4) \
	X(EPROCESS, ForceRelocateImages, 4) \
	X(EPROCESS, HighEntropyASLREnabled, 4) \
	X(EPROCESS, StackRandomizationDisabled, 4) \
	X(EPROCESS, ExtensionPointDisable, 4) \
	X(EPROCESS, DisableDynamicCode, 4) \
	X(EPROCESS, DisableDynamicCodeAllowOptOut, 4) \
	X(EPROCESS, DisableDynamicCodeAllowRemoteDowngrade, 4) \
	X(EPROCESS, DisallowWin32kSystemCalls, 4) \
	X(EPROCESS, EnableFilteredWin32kAPIs, 4) \
	X(EPROCESS, AuditFilteredWin32kAPIs, 4) \
	X(EPROCESS, DisableNonSystemFonts, 4) \
	X(EPROCESS, AuditNonSystemFontLoading, 4) \
	X(EPROCESS, PreferSystem32Images, 4) \
	X(EPROCESS, ProhibitRemoteImageMap, 4) \
	X(EPROCESS, ProhibitLowILImageMap, 4) \
	X(EPROCESS, SignatureMitigationOptIn, 4) \
	X(EPROCESS, LoaderIntegrityContinuityEnabled, 4) \
	X(EPROCESS, LoaderIntegrityContinuityAudit, 4) \
	X(EPROCESS, RestrictIndirectBranchPrediction, 4) \
	X(EPROCESS, SpeculativeStoreBypassDisable, 4) \
	X(KPROCESS, SecurePid, 8) \
	X(KPROCESS, SecureState, 8) \
	X(TOKEN, TokenSource, 16) \
	X(TOKEN, TokenId, 8) \
	X(TOKEN, AuthenticationId, 8) \
	X(TOKEN, ParentTokenId, 8) \
	X(TOKEN, ExpirationTime, 8) \
	X(TOKEN, ModifiedId, 8) \
	X(TOKEN, Privileges, 24) \
	X(TOKEN, SessionId, 4) \
	X(TOKEN, RestrictedSidCount, 4) \
	X(TOKEN, DefaultOwnerIndex, 4) \
	X(TOKEN, RestrictedSids, 8) \
	X(TOKEN, PrimaryGroup, 8) \
	X(TOKEN, TokenType, 4) \
	X(TOKEN, ImpersonationLevel, 4) \
	X(TOKEN, TokenFlags, 4) \
	X(TOKEN, MandatoryPolicy, 4) \
	X(TOKEN, LogonSession, 8) \
	X(TOKEN, Package, 8) \
	X(TOKEN, Capabilities, 8) \
	X(TOKEN, CapabilityCount, 4) \
	X(TOKEN, LowboxNumberEntry, 8) \
	X(TOKEN, TrustLevelSid, 8) \
	X(TOKEN, IntegrityLevelSidValue, 8) \
	X(SEP_TOKEN_PRIVILEGES, Present, 8) \
	X(SEP_TOKEN_PRIVILEGES, Enabled, 8) \
	X(SEP_TOKEN_PRIVILEGES, EnabledByDefault, 8) \
	X(SID_AND_ATTRIBUTES, Attributes, 4) \
	X(SEP_LOWBOX_NUMBER_ENTRY, LowboxNumber, 4) \
	X(SEP_LOGON_SESSION_REFERENCES, SiblingAuthId, 8) \
	X(SEP_LOGON_SESSION_REFERENCES, AccountName, 16) \
	X(SEP_LOGON_SESSION_REFERENCES, AuthorityName, 16) \
	X(EJOB, JobLinks, 16) \
	X(EJOB, ProcessListHead, 16) \
	X(EJOB, TotalUserTime, 8) \
	X(EJOB, TotalKernelTime, 8) \
	X(EJOB, TotalCycleTime, 8) \
	X(EJOB, TotalPageFaultCount, 4) \
	X(EJOB, TotalProcesses, 4) \
	X(EJOB, ActiveProcesses, 4) \
	X(EJOB, TotalTerminatedProcesses, 4) \
	X(EJOB, PerProcessUserTimeLimit, 8) \
	X(EJOB, PerJobUserTimeLimit, 8) \
	X(EJOB, MinimumWorkingSetSize, 8) \
	X(EJOB, MaximumWorkingSetSize, 8) \
	X(EJOB, LimitFlags, 4) \
	X(EJOB, ActiveProcessLimit, 4) \
	X(EJOB, Affinity, 0) \
	X(EJOB, UIRestrictionsClass, 4) \
	X(EJOB, EndOfJobTimeAction, 4) \
	X(EJOB, CompletionPort, 8) \
	X(EJOB, SessionId, 4) \
	X(EJOB, SchedulingClass, 4) \
	X(EJOB, ReadOperationCount, 8) \
	X(EJOB, WriteOperationCount, 8) \
	X(EJOB, OtherOperationCount, 8) \
	X(EJOB, ReadTransferCount, 8) \
	X(EJOB, WriteTransferCount, 8) \
	X(EJOB, OtherTransferCount, 8) \
	X(EJOB, ProcessMemoryLimit, 8) \
	X(EJOB, JobMemoryLimit, 8) \
	X(EJOB, PeakProcessMemoryUsed, 8) \
	X(EJOB, PeakJobMemoryUsed, 8) \
	X(EJOB, CurrentJobMemoryUsed, 8) \
	X(EJOB, PriorityClass, 1) \
	X(EJOB, NestingDepth, 1) \
	X(EJOB, SiblingJobLinks, 16) \
	X(EJOB, ChildJobListHead, 16) \
	X(EJOB, RootJob, 8) \
	X(EJOB, JobId, 4) \
	X(EJOB, JobFlags, 4) \
	X(EJOB, JobFlags2, 4) \
	X(KAFFINITY_EX, Count, 2) \
	X(KAFFINITY_EX, Bitmap, 0) \
	X(ESERVERSILO_GLOBALS, MiSessionLeaderProcess, 8) \
	X(ESERVERSILO_GLOBALS, NtSystemRoot, 16) \
	X(ESERVERSILO_GLOBALS, SiloRootDirectoryName, 16) \
	X(ESERVERSILO_GLOBALS, State, 4) \
	X(ESERVERSILO_GLOBALS, ExitStatus, 4) \
	X(ESERVERSILO_GLOBALS, UserSharedData, 0) \
	X(ESERVERSILO_GLOBALS, UserSharedSection, 8) \
	X(ESERVERSILO_GLOBALS, IsDownlevelContainer, 1) \
	X(SILO_USER_SHARED_DATA, ServiceSessionId, 4) \
	X(SILO_USER_SHARED_DATA, ActiveConsoleId, 4) \
	X(SILO_USER_SHARED_DATA, NtProductType, 4) \
	X(SILO_USER_SHARED_DATA, SuiteMask, 4) \
	X(MM_SESSION_SPACE, ReferenceCount, 4) \
	X(MM_SESSION_SPACE, IoState, 4) \
	X(MM_SESSION_SPACE, CreateTime, 8) \
	X(MM_SESSION_SPACE, SessionObject, 8) \
	X(MM_SESSION_SPACE, ServerSilo, 8) \
	X(MM_SESSION_SPACE, LocaleId, 4) \
	X(EJOB, ParentJob, 8) \
	X(EJOB, Silo, 4) \
	X(EJOB, ServerSiloGlobals, 8) \
	X(EJOB, ContainerId, 16) \
	/* waits, requests, impersonation */ \
	X(DISPATCHER_HEADER, Type, 1) \
	X(DISPATCHER_HEADER, WaitListHead, 16) \
	X(KWAIT_BLOCK, WaitListEntry, 16) \
	X(KWAIT_BLOCK, WaitType, 1) \
	X(KWAIT_BLOCK, BlockState, 1) \
	X(KWAIT_BLOCK, Thread, 8) \
	X(KWAIT_BLOCK, Object, 8) \
	X(KMUTANT, OwnerThread, 8) \
	X(IRP, Type, 2) \
	X(IRP, StackCount, 1) \
	X(IRP, CurrentLocation, 1) \
	X(IRP, ThreadListEntry, 16) \
	X(IO_STACK_LOCATION, MajorFunction, 1) \
	X(IO_STACK_LOCATION, MinorFunction, 1) \
	X(IO_STACK_LOCATION, DeviceObject, 8) \
	X(IO_STACK_LOCATION, FileObject, 8) \
	X(PS_CLIENT_SECURITY_CONTEXT, ImpersonationToken, 8) \
	X(PS_CLIENT_SECURITY_CONTEXT, ImpersonationLevel, 8) \
	X(PS_CLIENT_SECURITY_CONTEXT, EffectiveOnly, 8) \
	X(CONTEXT, SegCs, 2) \
	X(CONTEXT, Rsp, 8) \
	X(CONTEXT, Rip, 8) \
	/* hidden objects */ \
	X(MM_SESSION_SPACE, ProcessList, 16) \
	X(EPROCESS, SessionProcessLinks, 16) \
	X(POOL_HEADER, PoolTag, 4) \
	X(DEVICE_OBJECT, DriverObject, 8) \
	X(DRIVER_OBJECT, DriverName, 16) \
	X(HANDLE_TABLE_ENTRY, ObjectPointerBits, 8) \
	X(OBJECT_TYPE, Name, 16) \
	X(OBJECT_TYPE, Index, 1) \
	/* handles and objects */ \
	X(HANDLE_TABLE_ENTRY, Unlocked, 8) \
	X(HANDLE_TABLE_ENTRY, RefCnt, 8) \
	X(HANDLE_TABLE_ENTRY, Attributes, 8) \
	X(HANDLE_TABLE_ENTRY, GrantedAccessBits, 4) \
	X(HANDLE_TABLE_ENTRY, NoRightsUpgrade, 4) \
	X(HANDLE_TABLE_ENTRY, Object, 8) \
	X(HANDLE_TABLE_ENTRY, GrantedAccess, 4) \
	X(OBJECT_HEADER, SecurityDescriptor, 8) \
	X(OBJECT_HEADER_CREATOR_INFO, CreatorUniqueProcess, 8) \
	X(OBJECT_HEADER_PROCESS_INFO, ExclusiveProcess, 8) \
	X(OBJECT_HEADER_QUOTA_INFO, PagedPoolCharge, 4) \
	X(OBJECT_HEADER_QUOTA_INFO, NonPagedPoolCharge, 4) \
	X(OBJECT_TYPE, TotalNumberOfObjects, 4) \
	X(OBJECT_TYPE, TotalNumberOfHandles, 4) \
	X(OBJECT_TYPE, HighWaterNumberOfObjects, 4) \
	X(OBJECT_TYPE, HighWaterNumberOfHandles, 4) \
	X(OBJECT_TYPE, Key, 4) \
	X(OBJECT_TYPE, TypeInfo, 0) \
	X(OBJECT_TYPE_INITIALIZER, ValidAccessMask, 4) \
	X(OBJECT_TYPE_INITIALIZER, PoolType, 4) \
	X(OBJECT_DIRECTORY, HashBuckets, 296) \
	X(OBJECT_DIRECTORY, SessionId, 4) \
	X(OBJECT_DIRECTORY_ENTRY, ChainLink, 8) \
	X(OBJECT_DIRECTORY_ENTRY, Object, 8) \
	X(OBJECT_SYMBOLIC_LINK, CreationTime, 8) \
	X(OBJECT_SYMBOLIC_LINK, LinkTarget, 16) \
	X(OBJECT_SYMBOLIC_LINK, DosDeviceDriveIndex, 4) \
	X(OBJECT_SYMBOLIC_LINK, Flags, 4) \
	X(FILE_OBJECT, FinalStatus, 4) \
	X(FILE_OBJECT, DeletePending, 1) \
	X(FILE_OBJECT, ReadAccess, 1) \
	X(FILE_OBJECT, WriteAccess, 1) \
	X(FILE_OBJECT, DeleteAccess, 1) \
	X(FILE_OBJECT, SharedRead, 1) \
	X(FILE_OBJECT, SharedWrite, 1) \
	X(FILE_OBJECT, SharedDelete, 1) \
	X(FILE_OBJECT, Flags, 4) \
	X(FILE_OBJECT, CurrentByteOffset, 8) \
	X(DEVICE_OBJECT, ReferenceCount, 4) \
	X(DEVICE_OBJECT, NextDevice, 8) \
	X(DEVICE_OBJECT, AttachedDevice, 8) \
	X(DEVICE_OBJECT, Flags, 4) \
	X(DEVICE_OBJECT, Characteristics, 4) \
	X(DEVICE_OBJECT, DeviceType, 4) \
	X(DRIVER_OBJECT, DeviceObject, 8) \
	X(DRIVER_OBJECT, Flags, 4) \
	X(DRIVER_OBJECT, DriverStart, 8) \
	X(DRIVER_OBJECT, DriverSize, 4) \
	X(DRIVER_OBJECT, DriverInit, 8) \
	X(DRIVER_OBJECT, DriverUnload, 8) \
	X(DRIVER_OBJECT, DriverSection, 8) \
	X(DRIVER_OBJECT, DriverExtension, 8) \
	X(DRIVER_OBJECT, FastIoDispatch, 8) \
	X(DRIVER_OBJECT, DriverStartIo, 8) \
	X(DRIVER_OBJECT, MajorFunction, 224) \
	X(DRIVER_EXTENSION, ServiceKeyName, 16) \
	X(OBJECT_TYPE, CallbackList, 16) \
	X(DISPATCHER_HEADER, SignalState, 4) \
	X(KMUTANT, Abandoned, 1) \
	X(KSEMAPHORE, Limit, 4) \
	X(KTIMER, DueTime, 8) \
	X(KTIMER, Period, 4) \
	X(ETIMER, Period, 4) \
	X(KQUEUE, CurrentCount, 4) \
	X(KQUEUE, MaximumCount, 4) \
	X(SECTION, u1, 8) \
	X(SECTION, SizeOfSection, 8) \
	X(SECTION_OBJECT, Segment, 8) \
	X(SEGMENT, ControlArea, 8) \
	X(SEGMENT, SizeOfSegment, 8) \
	X(CM_KEY_BODY, KeyControlBlock, 8) \
	X(CM_KEY_BODY, ProcessID, 8) \
	X(CM_KEY_CONTROL_BLOCK, ParentKcb, 8) \
	X(CM_KEY_CONTROL_BLOCK, NameBlock, 8) \
	X(CM_KEY_CONTROL_BLOCK, KcbLastWriteTime, 8) \
	X(CM_NAME_CONTROL_BLOCK, Compressed, 4) \
	X(CM_NAME_CONTROL_BLOCK, NameLength, 2) \
	X(CM_NAME_CONTROL_BLOCK, Name, 0) \
	/* ports */ \
	X(ALPC_PORT, PortListEntry, 16) \
	X(ALPC_PORT, CommunicationInfo, 8) \
	X(ALPC_PORT, OwnerProcess, 8) \
	X(ALPC_PORT, CompletionPort, 8) \
	X(ALPC_PORT, CompletionKey, 8) \
	X(ALPC_PORT, PortContext, 8) \
	X(ALPC_PORT, MainQueue, 16) \
	X(ALPC_PORT, LargeMessageQueue, 16) \
	X(ALPC_PORT, PendingQueue, 16) \
	X(ALPC_PORT, DirectQueue, 16) \
	X(ALPC_PORT, CanceledQueue, 16) \
	X(ALPC_PORT, WaitQueue, 16) \
	X(ALPC_PORT, MainQueueLength, 4) \
	X(ALPC_PORT, LargeMessageQueueLength, 4) \
	X(ALPC_PORT, PendingQueueLength, 4) \
	X(ALPC_PORT, DirectQueueLength, 4) \
	X(ALPC_PORT, CanceledQueueLength, 4) \
	X(ALPC_PORT, WaitQueueLength, 4) \
	X(ALPC_PORT, PortAttributes, 0) \
	X(ALPC_PORT, CompletionList, 8) \
	X(ALPC_PORT, SequenceNo, 4) \
	X(ALPC_PORT, ReferenceNo, 4) \
	X(ALPC_PORT, u1, 4) \
	X(ALPC_PORT, TargetQueuePort, 8) \
	X(ALPC_PORT, TargetSequencePort, 8) \
	X(ALPC_PORT, CachedMessage, 8) \
	X(ALPC_PORT_ATTRIBUTES, Flags, 4) \
	X(ALPC_PORT_ATTRIBUTES, SecurityQos, 12) \
	X(ALPC_PORT_ATTRIBUTES, MaxMessageLength, 8) \
	X(ALPC_PORT_ATTRIBUTES, MemoryBandwidth, 8) \
	X(ALPC_PORT_ATTRIBUTES, MaxPoolUsage, 8) \
	X(ALPC_PORT_ATTRIBUTES, MaxSectionSize, 8) \
	X(ALPC_PORT_ATTRIBUTES, MaxViewSize, 8) \
	X(ALPC_PORT_ATTRIBUTES, MaxTotalSectionSize, 8) \
	X(ALPC_PORT_ATTRIBUTES, DupObjectTypes, 4) \
	X(ALPC_COMMUNICATION_INFO, ConnectionPort, 8) \
	X(ALPC_COMMUNICATION_INFO, ServerCommunicationPort, 8) \
	X(ALPC_COMMUNICATION_INFO, ClientCommunicationPort, 8) \
	X(ALPC_COMMUNICATION_INFO, CommunicationList, 16) \
	X(ALPC_COMMUNICATION_INFO, CloseMessage, 8) \
	X(KALPC_MESSAGE, Entry, 16) \
	X(KALPC_MESSAGE, PortQueue, 8) \
	X(KALPC_MESSAGE, OwnerPort, 8) \
	X(KALPC_MESSAGE, WaitingThread, 8) \
	X(KALPC_MESSAGE, u1, 4) \
	X(KALPC_MESSAGE, SequenceNo, 4) \
	X(KALPC_MESSAGE, QuotaProcess, 8) \
	X(KALPC_MESSAGE, CancelSequencePort, 8) \
	X(KALPC_MESSAGE, CancelQueuePort, 8) \
	X(KALPC_MESSAGE, CancelListEntry, 16) \
	X(KALPC_MESSAGE, Reserve, 8) \
	X(KALPC_MESSAGE, DataUserVa, 8) \
	X(KALPC_MESSAGE, CommunicationInfo, 8) \
	X(KALPC_MESSAGE, ConnectionPort, 8) \
	X(KALPC_MESSAGE, ServerThread, 8) \
	X(KALPC_MESSAGE, ExtensionBuffer, 8) \
	X(KALPC_MESSAGE, ExtensionBufferSize, 8) \
	X(KALPC_MESSAGE, PortMessage, 0) \
	X(PORT_MESSAGE, u1, 4) \
	X(PORT_MESSAGE, u2, 4) \
	X(PORT_MESSAGE, ClientId, 16) \
	X(PORT_MESSAGE, MessageId, 4) \
	X(PORT_MESSAGE, CallbackId, 4) \
	X(ETHREAD, AlpcMessage, 8) \
	X(ETHREAD, AlpcMessageId, 8) \
	X(ETHREAD, AlpcWaitListEntry, 16) \
	X(ETW_REG_ENTRY, GuidEntry, 8) \
	X(ETW_REG_ENTRY, Process, 8) \
	X(ETW_GUID_ENTRY, Guid, 16)

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
	X(KeBugCheckReasonCallbackListHead) X(IopNotifyShutdownQueueHead) \
	X(IopNotifyLastChanceShutdownQueueHead) X(IopFsNotifyChangeQueueHead) X(KiDivideErrorFault) \
	X(KiSystemCall64) X(KiSystemCall64Shadow) X(KiIsrThunk) X(KiKvaShadow) \
	X(MmSystemRangeStart) X(MmHighestUserAddress) X(MmPteBase) X(PoolBigPageTable) \
	X(PoolBigPageTableSize) X(KeTimeIncrement) X(KeBootTime) X(PsProcessType) X(PsThreadType) \
	X(ObpTypeObjectType) X(ExpFreeListCount) X(KeLoaderBlock) X(KiBugCheckData)

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
